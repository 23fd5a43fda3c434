import { create } from "@bufbuild/protobuf";
import { toBase64Url } from "./bytes.ts";
import { TautlineError } from "./error.ts";
import { type AnyValue, type KeyValue, KeyValueSchema } from "./gen/opamp/v1/anyvalue_pb.ts";
import { isForbiddenKey } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { utf8Length } from "./utf8.ts";

/**
 * Reads a list of attributes as texts by key: booleans and numbers as JSON writes them, bytes as base64url, lists and maps
 * as JSON. What a peer wrote is not made printable here; who shows it must (`printableText`).
 *
 * @param list attributes of an AgentDescription, as decoded
 * @throws opamp.malformed for more than 256 attributes, more than 4,096 bytes in one, a key twice, an empty key, or a key
 *   that reaches an object's prototype (threat A19)
 */
export function attributesToRecord(list: readonly KeyValue[]): Record<string, string> {
  const { attributes, attributeBytes } = LIMITS;
  if (list.length > attributes.value)
    throw refused(`it has more than ${attributes.value} attributes`);
  const texts = new Map<string, string>();
  for (const { key, value } of list) {
    if (key === "" || isForbiddenKey(key)) throw refused("an attribute's key is not allowed");
    if (texts.has(key)) throw refused("an attribute stands in it twice");
    const text = textOf(value);
    if (utf8Length(key) + utf8Length(text) > attributeBytes.value) {
      throw refused(`an attribute has more than ${attributeBytes.value} bytes`);
    }
    texts.set(key, text);
  }
  return Object.fromEntries(texts);
}

/**
 * Writes texts by key as a list of attributes, ordered by key.
 *
 * @param record texts by key
 */
export function recordToAttributes(record: Readonly<Record<string, string>>): KeyValue[] {
  return Object.entries(record)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, text]) =>
      create(KeyValueSchema, { key, value: { value: { case: "stringValue", value: text } } }),
    );
}

function textOf(value: AnyValue | undefined): string {
  const plain = plainOf(value);
  if (plain === null) return "";
  return typeof plain === "string" ? plain : JSON.stringify(plain);
}

/** Its recursion is bounded by the depth that `decodeMessage` allows. */
function plainOf(any: AnyValue | undefined): unknown {
  const { case: kind, value } = any?.value ?? { case: undefined };
  if (kind === "arrayValue") return value.values.map(plainOf);
  if (kind === "kvlistValue") {
    return Object.fromEntries(value.values.map((pair) => [pair.key, plainOf(pair.value)]));
  }
  if (kind === "bytesValue") return toBase64Url(value);
  // A double that JSON cannot write (NaN, infinities), and a whole number beyond what a double holds, become text.
  if (kind === "intValue" || (kind === "doubleValue" && !Number.isFinite(value)))
    return String(value);
  return value ?? null;
}

function refused(reason: string): TautlineError {
  return new TautlineError("opamp.malformed", { detail: { reason } });
}
