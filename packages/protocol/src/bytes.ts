import { TautlineError } from "./error.ts";

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** Every byte as two hexadecimal digits: ids are written and read with every message. */
const OCTETS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const SEXTET = new Map(Array.from(BASE64URL, (character, sextet) => [character, sextet]));

/**
 * Writes bytes as lower-case hexadecimal text.
 *
 * @param bytes any number of bytes
 */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += OCTETS[byte];
  return text;
}

/**
 * Reads lower-case hexadecimal text; upper case is refused, so that one value has one text.
 *
 * @param text an even number of the characters 0-9 a-f
 * @throws value.hex
 */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) throw new TautlineError("value.hex");
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at += 1) {
    bytes[at] = (nibble(text.charCodeAt(at * 2)) << 4) | nibble(text.charCodeAt(at * 2 + 1));
  }
  return bytes;
}

/** "0" to "9" are 0x30 to 0x39, "a" to "f" 0x61 to 0x66. */
function nibble(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57;
}

/**
 * Writes bytes as base64url text without padding (RFC 4648 section 5).
 *
 * @param bytes any number of bytes
 */
export function toBase64Url(bytes: Uint8Array): string {
  let text = "";
  let held = 0;
  let heldBits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    heldBits += 8;
    while (heldBits >= 6) {
      heldBits -= 6;
      text += BASE64URL.charAt((held >>> heldBits) & 0x3f);
    }
    held &= (1 << heldBits) - 1;
  }
  return heldBits === 0 ? text : text + BASE64URL.charAt((held << (6 - heldBits)) & 0x3f);
}

/**
 * Reads base64url text strictly (RFC 4648 sections 3.3 to 3.5): no padding, no other characters, unused bits zero.
 *
 * @param text base64url as `toBase64Url` writes it
 * @throws value.base64url
 */
export function fromBase64Url(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 6) / 8));
  let held = 0;
  let heldBits = 0;
  let at = 0;
  for (const character of text) {
    const sextet = SEXTET.get(character);
    if (sextet === undefined) throw new TautlineError("value.base64url");
    held = (held << 6) | sextet;
    heldBits += 6;
    if (heldBits >= 8) {
      heldBits -= 8;
      bytes[at++] = held >>> heldBits;
      held &= (1 << heldBits) - 1;
    }
  }
  // Six left-over bits are a whole character too many; set left-over bits would give one value several texts.
  if (heldBits === 6 || held !== 0) throw new TautlineError("value.base64url");
  return bytes;
}

/**
 * Compares two byte strings. Takes a time that depends on where they differ, so it is not for secrets.
 *
 * @param a any bytes
 * @param b any bytes
 */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/**
 * Joins byte strings into a new one.
 *
 * @param parts any number of byte strings, in order
 */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Puts a 32-bit big-endian length before bytes, so that joined parts cannot be cut differently.
 *
 * @param bytes fewer than 2^32 bytes
 */
export function lengthPrefixed(bytes: Uint8Array): Uint8Array {
  return concatBytes(uint32(bytes.length), bytes);
}

/**
 * Writes a number as four big-endian bytes.
 *
 * @param value an unsigned 32-bit number
 */
export function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
