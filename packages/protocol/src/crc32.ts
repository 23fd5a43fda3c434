/** Polynomial of ISO-HDLC, reflected. */
const POLYNOMIAL = 0xedb88320;

/**
 * CRC-32 as in gzip (RFC 1952 section 8): finds copying mistakes, proves nothing against an attacker.
 *
 * @param bytes any number of bytes
 * @returns an unsigned 32-bit number
 */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ ((crc & 1) * POLYNOMIAL);
  }
  return ~crc >>> 0;
}
