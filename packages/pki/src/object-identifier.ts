import { type DerCursor, requireIdentifier } from "./der-cursor.ts";
import { TAG } from "./der-tags.ts";
import { createRecentValues } from "./recent-values.ts";

/** Certificates name the same dozen again and again. */
const REMEMBERED = 64;
const byContent = createRecentValues<string>(REMEMBERED);

/**
 * Reads an OBJECT IDENTIFIER (X.690 section 8.19).
 *
 * @param cursor stands before it
 * @returns its dotted form
 */
export function readIdentifier(cursor: DerCursor): string {
  const content = cursor.read(TAG.objectIdentifier);
  const key = Buffer.from(content.buffer, content.byteOffset, content.length).toString("latin1");
  const before = byContent.get(key);
  if (before !== undefined) return before;
  requireIdentifier(cursor, content);
  const text = toDotted(content);
  byContent.set(key, text);
  return text;
}

/**
 * Encodes the content of an OBJECT IDENTIFIER.
 *
 * @param dotted two numbers at least, each below 2^28
 */
export function encodeIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
  return Uint8Array.from([first * 40 + second, ...others].flatMap(toBase128));
}

function toBase128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}

/** The first number holds the first two: 40 times the first, which is 0, 1 or 2, and the second, which only below 2 may exceed 39. */
function toDotted(content: Uint8Array): string {
  const numbers: bigint[] = [];
  let value = 0n;
  for (const octet of content) {
    value = (value << 7n) | BigInt(octet & 0x7f);
    if (octet >= 0x80) continue;
    if (numbers.length === 0) {
      const root = value < 80n ? value / 40n : 2n;
      numbers.push(root, value - root * 40n);
    } else {
      numbers.push(value);
    }
    value = 0n;
  }
  return numbers.join(".");
}
