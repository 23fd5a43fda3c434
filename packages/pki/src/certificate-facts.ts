import { createHash, type KeyObject, type X509Certificate } from "node:crypto";
import { Certificate, Version } from "@peculiar/asn1-x509";
import { TautlineError } from "@tautline/protocol";
import { decodeDer, encodeDer } from "./der.ts";
import { type ExtensionFacts, readExtensions } from "./extension-reader.ts";
import { findKeyWeakness, isCanonicalSpki } from "./key-strength.ts";
import { spkiPin } from "./keys.ts";
import { createRecentValues } from "./recent-values.ts";
import { serialOf } from "./serial.ts";
import { findScheme } from "./signature-scheme.ts";

/** A certificate of ours has under 1 KiB; one with many names a few. */
const MAX_BYTES = 16 * 1024;
/** RFC 5280 section 4.1.2.2; the octet that keeps a number positive is not counted. */
const MAX_SERIAL_HEX = 40;
const READING = { code: "pki.certificate_malformed", what: "the certificate" } as const;

/** What a certificate says, read strictly and only from its DER. */
export interface CertificateFacts extends ExtensionFacts {
  readonly certificate: X509Certificate;
  readonly publicKey: KeyObject;
  /** SHA-256 of the SPKI, lower-case hex. */
  readonly pin: string;
  /** Lower-case hex. */
  readonly serial: string;
  readonly subjectDer: ArrayBuffer;
  /** The DER of the names, as hex: names are equal when their bytes are. */
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whether its signature uses one of the accepted schemes; not whether the signature is right. */
  readonly hasAcceptedScheme: boolean;
}

/** Authorities are asked about again and again; the facts live as long as the certificate object. */
const known = new WeakMap<X509Certificate, CertificateFacts>();

/** Each handshake brings the same authorities as new objects. Facts follow from the bytes alone, and those from their SHA-256. */
const REMEMBERED = 64;
const byFingerprint = createRecentValues<CertificateFacts>(REMEMBERED);

/**
 * Reads a certificate (RFC 5280 section 4.1) without judging it.
 *
 * @param certificate any certificate, hostile ones too
 * @throws pki.certificate_malformed
 */
export function readFacts(certificate: X509Certificate): CertificateFacts {
  const before = known.get(certificate);
  if (before !== undefined) return before;
  const facts = recallFacts(certificate);
  known.set(certificate, facts);
  return facts;
}

function recallFacts(certificate: X509Certificate): CertificateFacts {
  const { fingerprint256 } = certificate;
  const same = byFingerprint.get(fingerprint256);
  if (same !== undefined) return { ...same, certificate };
  const facts = parseFacts(certificate);
  byFingerprint.set(fingerprint256, facts);
  return facts;
}

function parseFacts(certificate: X509Certificate): CertificateFacts {
  if (certificate.raw.length > MAX_BYTES) throw malformed(`it is larger than ${MAX_BYTES} bytes`);
  const { tbsCertificate: content, signatureAlgorithm } = decodeDer(
    certificate.raw,
    Certificate,
    READING,
  );
  if (content.version !== Version.v3) throw malformed("it is not of version 3");
  if (!sameDer(content.signature, signatureAlgorithm)) {
    throw malformed("it names two signature algorithms");
  }
  const subjectDer = encodeDer(content.subject);
  const { publicKey, pin } = readKey(certificate, encodeDer(content.subjectPublicKeyInfo));
  return {
    certificate,
    publicKey,
    pin: pin.toString("hex"),
    serial: readSerial(certificate),
    subjectDer,
    subject: Buffer.from(subjectDer).toString("hex"),
    issuer: toHexDer(content.issuer),
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
    hasAcceptedScheme: findScheme(signatureAlgorithm) !== undefined,
    ...readExtensions(content.extensions ?? []),
  };
}

function readKey(
  certificate: X509Certificate,
  spki: ArrayBuffer,
): { readonly publicKey: KeyObject; readonly pin: Buffer } {
  const publicKey = parseKey(certificate);
  // A weak key is read all the same: that it is weak is the better thing to tell.
  if (findKeyWeakness(publicKey) !== undefined) return { publicKey, pin: spkiPin(publicKey) };
  const der = new Uint8Array(spki);
  if (!isCanonicalSpki(publicKey, der)) {
    throw malformed("its public key is not in its usual encoding");
  }
  // In its usual encoding the bytes are what `spkiPin` would write again.
  return { publicKey, pin: createHash("sha256").update(der).digest() };
}

function parseKey(certificate: X509Certificate): KeyObject {
  try {
    return certificate.publicKey;
  } catch (cause) {
    throw malformed("its public key cannot be read", cause);
  }
}

function readSerial(certificate: X509Certificate): string {
  const serial = serialOf(certificate);
  if (serial.length > MAX_SERIAL_HEX || !/^[0-9a-f]*[1-9a-f][0-9a-f]*$/.test(serial)) {
    throw malformed("its serial number is not positive or has more than 20 octets");
  }
  return serial;
}

function sameDer(one: object, other: object): boolean {
  return toHexDer(one) === toHexDer(other);
}

function toHexDer(value: object): string {
  return Buffer.from(encodeDer(value)).toString("hex");
}

function malformed(reason: string, cause?: unknown): TautlineError {
  return new TautlineError("pki.certificate_malformed", { detail: { reason }, cause });
}
