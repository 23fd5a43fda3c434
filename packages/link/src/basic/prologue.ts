import { hkdfSync } from "node:crypto";

const LABEL = Buffer.from("tautline basic 1\0", "ascii");
const PSK_INFO = "tautline basic 1 psk";
const PSK_BYTES = 32;

/**
 * The prologue of the handshake: what was said in clear before it, so that nobody changes it unseen.
 *
 * @param preface its bytes as they were sent
 */
export function basicPrologue(preface: Uint8Array): Buffer {
  return Buffer.concat([LABEL, preface]);
}

/**
 * Derives the Noise key of a shared key, apart from the one that TLS uses: one key, one protocol (RFC 9257 section 6).
 *
 * @param sharedKey 32 bytes, as both ends derive them from the key's text
 * @returns 32 bytes
 */
export function basicPsk(sharedKey: Uint8Array): Buffer {
  return Buffer.from(hkdfSync("sha256", sharedKey, new Uint8Array(), PSK_INFO, PSK_BYTES));
}
