import type { KeyObject, X509Certificate } from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import type { CertificateProfile } from "./profile.ts";

/** Who signs: an authority's certificate and the key that belongs to it. */
export interface Issuer {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

/** What `issueCertificate` needs. */
export interface IssueOptions {
  readonly profile: CertificateProfile;
  readonly publicKey: KeyObject;
  /** "self" for a root, signed by `selfKey`. */
  readonly issuer: Issuer | "self";
  readonly selfKey?: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** 16 bytes as `createSerial` makes them. */
  readonly serial: Uint8Array;
}

export function issueCertificate(options: IssueOptions): X509Certificate {
  throw new TautlineError("pki.issue_refused", {
    detail: { reason: `not written yet ${options.profile.kind}` },
  });
}
