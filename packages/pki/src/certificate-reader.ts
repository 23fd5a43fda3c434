import { TautlineError } from "@tautline/protocol";
import { DerCursor, requireInteger } from "./der-cursor.ts";
import { TAG } from "./der-tags.ts";
import { readTime } from "./der-time.ts";
import { readName } from "./distinguished-name.ts";
import { type ExtensionFacts, readExtensions } from "./extension-reader.ts";
import { readAlgorithm, readElement, readKeyInfo, readWholeOctets } from "./signed-parts.ts";

const READING = { code: "pki.certificate_malformed", what: "the certificate" } as const;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
/** Version 3 counts from 0. */
const VERSION_3 = 2;
/** RFC 5280 section 4.1.2.2; the octet that keeps a number positive is not counted. */
const MAX_SERIAL_OCTETS = 20;

/** What the bytes of a certificate say; views of them where bytes are given. */
export interface CertificateContent extends ExtensionFacts {
  /** Lower-case hex, as `serialOf` gives it. */
  readonly serial: string;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array;
  /** The AlgorithmIdentifier of the signature, the same inside and outside. */
  readonly algorithm: Uint8Array;
}

/**
 * Reads a certificate of version 3 (RFC 5280 section 4.1) strictly, once over its bytes.
 *
 * Stricter than RFC 5280: no unique identifiers, no empty lists, no octet that DER would not write.
 *
 * @param der one certificate; bounded by the caller
 * @throws pki.certificate_malformed
 */
export function readCertificate(der: Uint8Array): CertificateContent {
  const cursor = new DerCursor(der, READING);
  const certificate = cursor.enter(TAG.sequence);
  const content = cursor.enter(TAG.sequence);
  requireVersion(cursor);
  const serial = readSerial(cursor);
  const inner = readElement(cursor, readAlgorithm);
  const issuer = readElement(cursor, readName);
  const validity = cursor.enter(TAG.sequence);
  const notBefore = readTime(cursor);
  const notAfter = readTime(cursor);
  cursor.leave(validity);
  const subject = readElement(cursor, readName);
  const spki = readElement(cursor, readKeyInfo);
  const extensions = cursor.hasMore ? readTagged(cursor, EXTENSIONS) : readExtensions(undefined);
  cursor.leave(content);
  const algorithm = readElement(cursor, readAlgorithm);
  readWholeOctets(cursor);
  cursor.leave(certificate);
  cursor.finish();
  if (Buffer.compare(inner, algorithm) !== 0) {
    throw malformed("it names two signature algorithms");
  }
  return { serial, issuer, subject, notBefore, notAfter, spki, algorithm, ...extensions };
}

function readTagged(cursor: DerCursor, tag: number): ExtensionFacts {
  const outside = cursor.enter(tag);
  const extensions = readExtensions(cursor);
  cursor.leave(outside);
  return extensions;
}

function requireVersion(cursor: DerCursor): void {
  // Version 1 is the default and left out.
  if (!cursor.isNext(VERSION)) throw malformed("it is not of version 3");
  const outside = cursor.enter(VERSION);
  const version = cursor.read(TAG.integer);
  cursor.leave(outside);
  if (version.length !== 1 || version[0] !== VERSION_3) throw malformed("it is not of version 3");
}

function readSerial(cursor: DerCursor): string {
  const content = cursor.read(TAG.integer);
  requireInteger(cursor, content);
  const [first = 0] = content;
  const octets = first === 0 ? content.subarray(1) : content;
  if (first >= 0x80 || octets.length === 0 || octets.length > MAX_SERIAL_OCTETS) {
    throw malformed("its serial number is not positive or has more than 20 octets");
  }
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("hex");
}

function malformed(reason: string): TautlineError {
  return new TautlineError("pki.certificate_malformed", { detail: { reason } });
}
