import { createHash, type X509Certificate } from "node:crypto";

/** One certificate that the other end showed. */
export interface CertificateFacts {
  readonly subject: string;
  /** Subject alternative names, as Node writes them; null where there are none. */
  readonly names: string | null;
  /** Lower-case hex. */
  readonly serial: string;
  /** RFC 3339 UTC. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly isAuthority: boolean;
  readonly isSelfIssued: boolean;
  /** SHA-256 of the public key's SPKI, lower-case hex: what join tokens pin of the root. */
  readonly pin: string;
}

/**
 * Describes a chain, leaf first; nothing about it is verified.
 *
 * @param chain as the other end showed it
 */
export function describeChain(chain: readonly X509Certificate[]): readonly CertificateFacts[] {
  return chain.map((certificate) => ({
    subject: certificate.subject.replaceAll("\n", ", "),
    names: certificate.subjectAltName ?? null,
    serial: certificate.serialNumber.toLowerCase(),
    notBefore: certificate.validFromDate.toISOString(),
    notAfter: certificate.validToDate.toISOString(),
    isAuthority: certificate.ca,
    isSelfIssued: certificate.subject === certificate.issuer,
    pin: createHash("sha256")
      .update(certificate.publicKey.export({ type: "spki", format: "der" }))
      .digest("hex"),
  }));
}
