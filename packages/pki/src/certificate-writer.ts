import { type KeyObject, X509Certificate } from "node:crypto";
import { TAG } from "./der-tags.ts";
import { writeDer, writeTime } from "./der-writer.ts";
import { encodePositive } from "./serial.ts";
import { encodeAlgorithm, schemeForKey } from "./signature-scheme.ts";
import { encodeSigned } from "./signed-object.ts";

/** Bytes that are in DER already. */
type Der = ArrayBuffer | Uint8Array;

/** Every part of a certificate, decided by the caller; those of type Der are written as they are. */
export interface CertificateParts {
  readonly subject: Der;
  readonly key: Der;
  readonly issuer: Der;
  readonly signingKey: KeyObject;
  /** Whole seconds are written; the rest is cut off. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly serial: Uint8Array;
  /** One Extension (RFC 5280 section 4.1) each. */
  readonly extensions: readonly Der[];
}

/** Version 3, which counts from 0, in its explicit tag. */
const VERSION_3 = writeDer(0xa0, writeDer(TAG.integer, Uint8Array.of(2)));
const EXTENSIONS = 0xa3;

/**
 * Writes and signs a certificate of version 3 (RFC 5280 section 4.1) without asking whether it should exist; `issueCertificate`
 * asks. OpenSSL reads it back: what it cannot read is never handed out.
 *
 * @param parts every part
 */
export function writeCertificate(parts: CertificateParts): X509Certificate {
  const content = writeDer(
    TAG.sequence,
    VERSION_3,
    writeDer(TAG.integer, new Uint8Array(encodePositive(parts.serial))),
    viewOf(encodeAlgorithm(schemeForKey(parts.signingKey))),
    viewOf(parts.issuer),
    writeDer(TAG.sequence, writeTime(parts.notBefore), writeTime(parts.notAfter)),
    viewOf(parts.subject),
    viewOf(parts.key),
    writeDer(EXTENSIONS, writeDer(TAG.sequence, ...parts.extensions.map(viewOf))),
  );
  return new X509Certificate(encodeSigned(content, parts.signingKey));
}

function viewOf(der: Der): Uint8Array {
  return der instanceof Uint8Array ? der : new Uint8Array(der);
}
