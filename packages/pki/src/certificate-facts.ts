import { createHash, type KeyObject, type X509Certificate } from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import { readCertificate } from "./certificate-reader.ts";
import type { ExtensionFacts } from "./extension-reader.ts";
import { findKeyWeakness, isCanonicalSpki } from "./key-strength.ts";
import { spkiPin } from "./keys.ts";
import { createRecentValues } from "./recent-values.ts";
import { findEncodedScheme } from "./signature-scheme.ts";

/** A certificate of ours has under 1 KiB; one with many names a few. */
const MAX_BYTES = 16 * 1024;

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
  const read = readCertificate(certificate.raw);
  const { spki, subject, issuer, algorithm, ...content } = read;
  const { publicKey, pin } = readKey(certificate, spki);
  return {
    ...content,
    certificate,
    publicKey,
    pin: pin.toString("hex"),
    subjectDer: Uint8Array.from(subject).buffer,
    subject: toHex(subject),
    issuer: toHex(issuer),
    hasAcceptedScheme: findEncodedScheme(algorithm) !== undefined,
  };
}

function readKey(
  certificate: X509Certificate,
  spki: Uint8Array,
): { readonly publicKey: KeyObject; readonly pin: Buffer } {
  const publicKey = parseKey(certificate);
  // A weak key is read all the same: that it is weak is the better thing to tell.
  if (findKeyWeakness(publicKey) !== undefined) return { publicKey, pin: spkiPin(publicKey) };
  if (!isCanonicalSpki(publicKey, spki)) {
    throw malformed("its public key is not in its usual encoding");
  }
  // In its usual encoding the bytes are what `spkiPin` would write again.
  return { publicKey, pin: createHash("sha256").update(spki).digest() };
}

function parseKey(certificate: X509Certificate): KeyObject {
  try {
    return certificate.publicKey;
  } catch (cause) {
    throw malformed("its public key cannot be read", cause);
  }
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

function malformed(reason: string, cause?: unknown): TautlineError {
  return new TautlineError("pki.certificate_malformed", { detail: { reason }, cause });
}
