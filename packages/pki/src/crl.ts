import type { KeyObject, X509Certificate } from "node:crypto";
import { TautlineError } from "@tautline/protocol";

/** One revoked certificate in a list. */
export interface RevokedEntry {
  /** Lower-case hex as `serialOf` gives it. */
  readonly serial: string;
  readonly at: Date;
}

export interface IssueCrlOptions {
  readonly issuer: { readonly certificate: X509Certificate; readonly privateKey: KeyObject };
  readonly revoked: readonly RevokedEntry[];
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Rises with every list of the issuer. */
  readonly number: number | bigint;
}

/** A list that was read; it says something only after `verify`. */
export interface RevocationList {
  isRevoked(serialHex: string): boolean;
  issuerMatches(certificate: X509Certificate): boolean;
  /** Throws unless the list is by this issuer and current. */
  verify(issuer: X509Certificate, at: Date): void;
}

export function issueCrl(options: IssueCrlOptions): Buffer {
  throw new TautlineError("pki.crl_malformed", {
    detail: { reason: `not written yet ${options.number}` },
  });
}
export function readCrl(list: string | Uint8Array): RevocationList {
  throw new TautlineError("pki.crl_malformed", {
    detail: { reason: `not written yet ${list.length}` },
  });
}
