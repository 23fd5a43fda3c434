import { TautlineError } from "./error.ts";

const encoder = new TextEncoder();
// A leading U+FEFF is text like any other: dropping it would let two byte strings mean one text.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Writes text as UTF-8.
 *
 * @param text well-formed text; a lone surrogate would silently become U+FFFD
 * @throws value.utf8
 */
export function encodeUtf8(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new TautlineError("value.utf8");
  return encoder.encode(text);
}

/**
 * Reads UTF-8 strictly; nothing is replaced.
 *
 * @param bytes UTF-8
 * @throws value.utf8
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new TautlineError("value.utf8", { cause });
  }
}

/**
 * Counts the bytes that text takes as UTF-8, without making them; a lone surrogate counts three.
 *
 * @param text any text
 */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const codePoint = character.codePointAt(0) ?? 0;
    bytes += codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
  }
  return bytes;
}
