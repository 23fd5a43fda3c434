import { formatKeyIdentity, type KeyIdentity, LIMITS, parseKeyIdentity } from "@tautline/protocol";

/**
 * What a dialling end of the level `basic` says in clear before anything else (docs/reference/links.md):
 *
 *     F4 54 4C   magic: begins no TLS record, no HTTP method and no UTF-8 text
 *     01         version of the preface
 *     01         level: basic
 *     n          length of the key's identity in bytes, 1 to 71
 *     ...        the identity, ASCII
 */
export interface Preface {
  readonly key: KeyIdentity;
}

/** The first bytes of a link of the level `basic`. */
export const BASIC_MAGIC = Buffer.from([0xf4, 0x54, 0x4c]);
const VERSION = 1;
const LEVEL_BASIC = 1;
const HEAD_BYTES = 6;
/** A name, `#`, and six digits. */
const MAX_IDENTITY_BYTES = LIMITS.keyNameCharacters.value + 7;
/** The longest preface there is. */
export const MAX_PREFACE_BYTES = HEAD_BYTES + MAX_IDENTITY_BYTES;

/** What the bytes so far come to. */
export type PrefaceReading =
  | { readonly kind: "more" }
  | { readonly kind: "preface"; readonly preface: Preface; readonly length: number }
  | { readonly kind: "malformed"; readonly reason: string };

/**
 * Writes a preface.
 *
 * @param preface which key the link is to be secured with
 */
export function encodePreface({ key }: Preface): Buffer {
  const identity = Buffer.from(formatKeyIdentity(key), "ascii");
  const head = Buffer.from([...BASIC_MAGIC, VERSION, LEVEL_BASIC, identity.length]);
  return Buffer.concat([head, identity]);
}

/**
 * Reads a preface from the first bytes of a connection, as soon as they are enough to tell.
 *
 * @param bytes what has come so far; may go on beyond the preface
 */
export function readPreface(bytes: Uint8Array): PrefaceReading {
  const head = [...BASIC_MAGIC, VERSION, LEVEL_BASIC];
  const names = ["magic", "magic", "magic", "version", "level"];
  for (const [at, expected] of head.entries()) {
    const byte = bytes[at];
    if (byte === undefined) return { kind: "more" };
    if (byte !== expected) {
      return { kind: "malformed", reason: `its ${names[at] ?? "head"} is ${byte}` };
    }
  }
  const identityBytes = bytes[head.length];
  if (identityBytes === undefined) return { kind: "more" };
  if (identityBytes < 1 || identityBytes > MAX_IDENTITY_BYTES) {
    return { kind: "malformed", reason: `its key identity has ${identityBytes} bytes` };
  }
  const length = HEAD_BYTES + identityBytes;
  if (bytes.length < length) return { kind: "more" };
  const text = Buffer.from(bytes.subarray(HEAD_BYTES, length)).toString("latin1");
  const key = parseKeyIdentity(text);
  if (key === undefined) return { kind: "malformed", reason: "its key identity is none" };
  return { kind: "preface", preface: { key }, length };
}
