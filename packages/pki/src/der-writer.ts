import { encodeIdentifier } from "./object-identifier.ts";
import { TAG } from "./der-tags.ts";

/**
 * Writes one element (X.690 sections 8.1 and 10.1): its tag, its length in the shortest form, its content.
 *
 * @param tag identifier octet
 * @param parts its content, in order; together under 16 MiB
 */
export function writeDer(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const octets = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x1_0000 ? 2 : 3;
  const der = Buffer.allocUnsafe(2 + octets + length);
  der[0] = tag;
  der[1] = octets === 0 ? length : 0x80 | octets;
  if (octets > 0) der.writeUIntBE(length, 2, octets);
  let at = 2 + octets;
  for (const part of parts) {
    der.set(part, at);
    at += part.length;
  }
  return der;
}

/**
 * Writes an OBJECT IDENTIFIER.
 *
 * @param dotted its dotted form
 */
export function writeIdentifier(dotted: string): Buffer {
  return writeDer(TAG.objectIdentifier, encodeIdentifier(dotted));
}

/**
 * Writes an octet-aligned BIT STRING: a signature or a key.
 *
 * @param octets its content
 */
export function writeBits(octets: Uint8Array): Buffer {
  return writeDer(TAG.bitString, NO_UNUSED_BITS, octets);
}

const NO_UNUSED_BITS = Uint8Array.of(0);
const LAST_YEAR_OF_UTC_TIME = 2049;

/**
 * Writes a time as RFC 5280 section 4.1.2.5 wants it: UTCTime up to 2049, GeneralizedTime from 2050; whole seconds, the rest is cut
 * off.
 *
 * @param time from 1950 to 9999
 */
export function writeTime(time: Date): Buffer {
  const digits = time.toISOString().slice(0, 19).replaceAll(/[-:T]/g, "");
  const isShort = time.getUTCFullYear() <= LAST_YEAR_OF_UTC_TIME;
  const text = `${isShort ? digits.slice(2) : digits}Z`;
  return writeDer(isShort ? TAG.utcTime : TAG.generalizedTime, Buffer.from(text, "latin1"));
}
