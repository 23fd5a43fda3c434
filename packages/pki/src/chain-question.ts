import type { X509Certificate } from "node:crypto";
import { type ErrorCode, type ErrorDetail, TautlineError } from "@tautline/protocol";
import type { CertificateFacts } from "./certificate-facts.ts";

/** Which end of a link the leaf stands for. */
export type ChainPurpose = "client" | "server";

/** Whom the leaf must name; every field given must hold. Names are taken from the subject alternative name only. */
export interface ExpectedName {
  /** The whole SPIFFE ID, compared character by character. */
  readonly spiffeId?: string;
  readonly kind?: "agent" | "central";
  /**
   * The trust domain of the SPIFFE ID. Give it with every `kind` that is not pinned by `spiffeId`: an authority limited to the
   * host "a.example" can certify agents of namespace "a" below "example" and a central of "a.example" alike.
   */
  readonly trustDomain?: string;
  /** Compared without regard to case; wildcards in certificates never match. */
  readonly dnsName?: string;
  readonly ipAddress?: string;
}

/**
 * Asks the records whether a certificate is revoked: by its issuer's SPKI pin and its serial, and by its own SPKI pin, all in
 * lower-case hex. An ECDSA signature can be altered without breaking it, so a certificate's hash identifies nothing (threat A17).
 */
export type IsRevoked = (
  issuerSpkiPin: string,
  serialHex: string,
  subjectSpkiPin: string,
) => boolean;

/** What is asked about every path from a leaf to a root. */
export interface ChainQuestion {
  readonly at: Date;
  readonly purpose: ChainPurpose;
  readonly expect?: ExpectedName;
  readonly isRevoked?: IsRevoked;
  /**
   * `existing` judges a PKI that is not ours by RFC 5280 itself where "own", which is meant unless told, is stricter: an authority
   * may lack key usage, a leaf may lack extended key usage or state "any", and is then good for both ends.
   */
  readonly rules?: "own" | "existing";
}

/** A path whose signatures are right: the leaf, its issuer and so on, the trusted root or leaf last. */
export interface ChainPath {
  readonly leaf: CertificateFacts;
  /** Nearest to the leaf first, the root last; none where the leaf is trusted itself. */
  readonly authorities: readonly CertificateFacts[];
}

/**
 * Makes the error of a refused chain, which names the certificate at fault by its subject.
 *
 * @param code one of pki.chain_*
 * @param at the certificate at fault
 * @param detail fills the rest of the sentence
 */
export function chainError(
  code: ErrorCode,
  at: X509Certificate | CertificateFacts,
  detail: ErrorDetail = {},
): TautlineError {
  const certificate = "certificate" in at ? at.certificate : at;
  const subject = certificate.subject?.replaceAll("\n", ", ") || "(no subject)";
  return new TautlineError(code, { detail: { subject, ...detail } });
}
