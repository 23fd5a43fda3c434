import { BASIC_MAGIC } from "../basic/preface.ts";

/** What a caller speaks, as its first bytes tell. */
export type Opening = "tls" | "http" | "http2" | "basic" | "unknown";

/** Enough for the longest beginning there is to tell apart. */
export const OPENING_BYTES = 8;

const HTTP2 = Buffer.from("PRI * HT");
/** RFC 9110 section 9 and RFC 5789; upper-case as they must be. */
const METHODS = [
  "GET ",
  "HEAD ",
  "POST ",
  "PUT ",
  "PATCH ",
  "DELETE ",
  "OPTIONS ",
  "TRACE ",
  "CONNECT ",
];
const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR = 0x03;

/**
 * Tells what a connection is from its first bytes (DESIGN section 4): a TLS record, HTTP/1, HTTP/2, or the level `basic`.
 *
 * @param bytes what came so far
 * @returns undefined while more is needed to tell
 */
export function recogniseOpening(bytes: Uint8Array): Opening | undefined {
  const [first, second] = bytes;
  if (first === undefined) return undefined;
  if (first === TLS_HANDSHAKE) {
    if (second === undefined) return undefined;
    return second === TLS_MAJOR ? "tls" : "unknown";
  }
  const start = Buffer.from(bytes.subarray(0, OPENING_BYTES));
  const kinds: (readonly [Opening, Uint8Array])[] = [
    ["basic", BASIC_MAGIC],
    ["http2", HTTP2],
    ...METHODS.map((method) => ["http", Buffer.from(method)] as const),
  ];
  const possible = kinds.filter(([, begin]) => isBegun(start, begin));
  const whole = possible.find(([, begin]) => start.length >= Math.min(begin.length, OPENING_BYTES));
  if (whole !== undefined) return whole[0];
  return possible.length > 0 ? undefined : "unknown";
}

/** One begins with the other, as far as both go. */
function isBegun(start: Buffer, begin: Uint8Array): boolean {
  const length = Math.min(start.length, begin.length);
  return start.subarray(0, length).equals(begin.subarray(0, length));
}
