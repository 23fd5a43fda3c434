const HEX_PIN = /^[0-9a-f]{64}$/i;
/** 32 bytes in either alphabet of base64, with or without its end. */
const BASE64_PIN = /^[A-Za-z0-9+/_-]{43}=?$/;
const PIN_BYTES = 32;

/**
 * Reads the pin of a key: SHA-256 of its SubjectPublicKeyInfo, as `openssl` (hexadecimal) and RFC 7469 (base64) write it.
 *
 * @param text of the settings
 * @returns 32 bytes; undefined for other text
 */
export function readPin(text: string): Uint8Array | undefined {
  if (HEX_PIN.test(text)) return Buffer.from(text, "hex");
  if (!BASE64_PIN.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64");
  // The last character of 43 has two bits that mean nothing: written otherwise, it is another text for the same pin.
  return bytes.length === PIN_BYTES ? bytes : undefined;
}
