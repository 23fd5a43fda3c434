import { defineLimits } from "./limit.ts";

const KIB = 1024;
const MINUTE_MS = 60_000;

/**
 * What a caller whose telemetry is carried may take, where nothing else is said (A29, F13, F15); each is met by a test of the carrier
 * with real connections.
 */
export const CARRY_LIMITS = defineLimits({
  messageBytes: {
    value: 50 * KIB * KIB,
    unit: "bytes",
    why: "what receivers of SkyWalking take (SW-9); messages pass by in parts and are never held whole",
  },
  bodyBytes: {
    value: 50 * KIB * KIB,
    unit: "bytes",
    why: "as long as a gRPC message",
  },
  silentMs: {
    value: MINUTE_MS,
    unit: "milliseconds",
    why: "exporters give up after ten seconds; a request in which nothing moves holds a place",
  },
  firstCallMs: {
    value: 15_000,
    unit: "milliseconds",
    why: "programs dial when they have something to send; who says nothing holds a connection (F13)",
  },
  idleMs: {
    value: 30 * MINUTE_MS,
    unit: "milliseconds",
    why: "agents report every minute at least; whoever comes later dials again",
  },
  keepaliveMs: {
    value: MINUTE_MS,
    unit: "milliseconds",
    why: "firewalls forget connections that are silent for a few minutes",
  },
  keepaliveTimeoutMs: {
    value: 20_000,
    unit: "milliseconds",
    why: "what gRPC's own clients and servers wait for the answer to a ping",
  },
  headerBytes: {
    value: 32 * KIB,
    unit: "bytes",
    why: "metadata takes hundreds of bytes, with a token a few kilobytes; gRPC servers take 8 KiB",
  },
  headerFields: {
    value: 128,
    unit: "fields",
    why: "programs send about ten",
  },
  callsAtOnce: {
    value: 256,
    unit: "calls",
    why: "a program has a stream or two a kind of telemetry; proxies allow 100 to 128",
  },
  cancelsBurst: {
    value: 500,
    unit: "calls",
    why: "a program that gives up on a slow backend cancels all its open calls at once",
  },
  cancelsPerSecond: {
    value: 100,
    unit: "calls a second",
    why: "cancelling costs the caller nothing and us a call at the backend (rapid reset)",
  },
  controlsBurst: {
    value: 2_000,
    unit: "frames",
    why: "some clients ping once a round trip to measure what the network carries",
  },
  controlsPerSecond: {
    value: 1_000,
    unit: "frames a second",
    why: "each has to be answered; a client in order sends one with what it sends or receives",
  },
});
