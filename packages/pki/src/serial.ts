import type { X509Certificate } from "node:crypto";
import { TautlineError } from "@tautline/protocol";

const SERIAL_BYTES = 16;

/**
 * Makes a serial number for `issueCertificate`: 126 random bits, always 16 octets and positive (RFC 5280 section 4.1.2.2), so its
 * hex form has the same 32 characters everywhere.
 *
 * @param randomBytes gives that many bytes of a cryptographic random source
 * @returns 16 bytes
 */
export function createSerial(randomBytes: (size: number) => Uint8Array): Buffer {
  const serial = Buffer.from(randomBytes(SERIAL_BYTES));
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

/**
 * Checks a serial number before it is issued.
 *
 * @param serial 16 bytes whose first is not zero, as `createSerial` makes them
 * @throws pki.issue_refused; a first byte of zero would be dropped by DER, and the record would no longer match the certificate
 */
export function checkSerial(serial: Uint8Array): void {
  if (serial.length !== SERIAL_BYTES || serial[0] === 0) {
    throw new TautlineError("pki.issue_refused", {
      detail: { reason: "the serial number is not 16 bytes starting with a non-zero one" },
    });
  }
}

/**
 * Gives the serial number of a certificate as lower-case hex, the form of every record and of `isRevoked`.
 *
 * @param certificate any certificate
 */
export function serialOf(certificate: X509Certificate): string {
  return certificate.serialNumber.toLowerCase();
}
