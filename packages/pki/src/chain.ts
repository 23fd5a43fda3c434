import type { X509Certificate } from "node:crypto";
import { TautlineError } from "@tautline/protocol";

/** Which end of a link the leaf stands for. */
export type ChainPurpose = "client" | "server";

/** Whom the leaf must name; every field given must hold. */
export interface ExpectedName {
  readonly spiffeId?: string;
  readonly kind?: "agent" | "central";
  readonly dnsName?: string;
  readonly ipAddress?: string;
}

/**
 * Asks the records whether a certificate is revoked: by the issuer's SPKI pin and the serial, both lower-case hex, and by the
 * certificate's own SPKI pin.
 */
export type IsRevoked = (
  issuerSpkiPin: string,
  serialHex: string,
  subjectSpkiPin: string,
) => boolean;

export interface VerifyChainOptions {
  readonly leaf: X509Certificate;
  readonly intermediates: readonly X509Certificate[];
  readonly roots: readonly X509Certificate[];
  readonly at: Date;
  readonly purpose: ChainPurpose;
  readonly expect?: ExpectedName;
  readonly isRevoked?: IsRevoked;
}

export type ChainVerdict =
  | {
      readonly ok: true;
      readonly path: readonly X509Certificate[];
      readonly spiffeId: string | null;
      readonly serial: string;
    }
  | { readonly ok: false; readonly error: TautlineError };

export function verifyChain(options: VerifyChainOptions): ChainVerdict {
  return {
    ok: false,
    error: new TautlineError("pki.chain_untrusted", { detail: { subject: options.leaf.subject } }),
  };
}
