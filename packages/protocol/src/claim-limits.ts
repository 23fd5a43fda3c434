import { defineLimits } from "./limit.ts";

const KIB = 1024;

/**
 * How much is looked at of telemetry at a backend that asks who it claims to be from (A29): what is held for that is memory, and looking
 * is work of the one thread.
 */
export const TELEMETRY_CLAIM_LIMITS = defineLimits({
  messageBytes: {
    value: 4 * KIB * KIB,
    unit: "bytes",
    why: "of a message or a body as it came, and unpacked; what gRPC's own servers take, and programs send batches of tens of kilobytes",
  },
  heldBytes: {
    value: 128 * KIB * KIB,
    unit: "bytes",
    why: "of all messages and bodies that are not whole yet; a connection alone may have 256 calls",
  },
  fields: {
    value: 262_144,
    unit: "fields",
    why: "that are stepped over in one message: two bytes are one already, so bytes do not bound the work",
  },
  jsonBytes: {
    value: KIB * KIB,
    unit: "bytes",
    why: "of a body of JSON: it is built whole",
  },
  jsonDepth: {
    value: 32,
    unit: "levels",
    why: "attributes of OpenTelemetry nest less than ten deep",
  },
  nameBytes: {
    value: KIB,
    unit: "bytes",
    why: "of one claimed name; they have tens of characters",
  },
  claims: {
    value: 1024,
    unit: "names",
    why: "that differ in one message: a gateway may bring many services together",
  },
  listed: {
    value: 64,
    unit: "names",
    why: "on one list; a star at the end stands for many",
  },
  listedCharacters: {
    value: 200,
    unit: "characters",
    why: "of one name on a list",
  },
});
