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

/**
 * Brings a serial number in hex to the one form of `serialOf`: lower case, whole octets, no needless zeros.
 *
 * @param text hex as any tool writes it
 */
export function canonicalSerial(text: string): string {
  const digits = text.toLowerCase().replace(/^0+(?=.)/, "");
  return digits.length % 2 === 0 ? digits : `0${digits}`;
}

/**
 * Reads a serial number in hex.
 *
 * @param text 1 to 20 octets, as `serialOf` gives them
 * @returns undefined for any other text
 */
export function parseSerial(text: string): Buffer | undefined {
  return /^(?:[0-9a-f]{2}){1,20}$/i.test(text) ? Buffer.from(text, "hex") : undefined;
}

/**
 * Gives the content octets of a serial number as an INTEGER: without needless zeros, and with the one that keeps it positive.
 *
 * @param serial the number, most significant octet first
 */
export function encodePositive(serial: Uint8Array): ArrayBuffer {
  const start = serial.findIndex((each) => each !== 0);
  const digits = serial.subarray(start === -1 ? serial.length - 1 : start);
  return Uint8Array.from((digits[0] ?? 0) >= 0x80 ? [0, ...digits] : digits).buffer;
}
