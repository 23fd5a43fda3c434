import type { KeyObject, X509Certificate } from "node:crypto";
import { KeyUsageFlags } from "@peculiar/asn1-x509";
import { TautlineError } from "@tautline/protocol";
import { type CertificateFacts, readFacts } from "./certificate-facts.ts";
import { writeAuthorityKeyId } from "./extension-writer.ts";
import { type CertifiedNames, findForbiddenName } from "./name-constraints.ts";

/** Who signs: an authority's certificate and the key that belongs to it. */
export interface Issuer {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

/** An authority that may issue. */
export interface IssuingAuthority {
  readonly facts: CertificateFacts;
  /** The authority key identifier of what it issues, as an extension in DER. */
  readonly keyIdExtension: ArrayBuffer;
  /** The key that was found to belong to it. */
  readonly privateKey: KeyObject;
}

/** Comparing the halves of a key costs as much as a signature, so each authority is judged once. */
const judged = new WeakMap<X509Certificate, IssuingAuthority>();

/**
 * Reads an authority that is about to issue, and refuses one that is none.
 *
 * @param issuer the certificate and its key
 * @throws pki.issue_refused when the certificate is no authority's or the key is not its key; pki.certificate_malformed
 */
export function readAuthority(issuer: Issuer): IssuingAuthority {
  const { certificate, privateKey } = issuer;
  const before = judged.get(certificate);
  if (before?.privateKey === privateKey) return before;
  const facts = readFacts(certificate);
  const mayIssue = ((facts.keyUsage ?? 0) & KeyUsageFlags.keyCertSign) !== 0;
  if (!facts.isAuthority || !mayIssue || facts.keyId === undefined) {
    throw refusal("the issuer is not an authority");
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw refusal("the issuer's key does not belong to its certificate");
  }
  const keyIdExtension = writeAuthorityKeyId(Buffer.from(facts.keyId, "hex"));
  const authority: IssuingAuthority = { facts, keyIdExtension, privateKey };
  judged.set(certificate, authority);
  return authority;
}

/**
 * Refuses what an authority may not issue, so that a mistake above never leaves a certificate that `verifyChain` refuses.
 *
 * @param authority who issues
 * @param wanted whether an authority is wanted, and the names of a leaf
 * @throws pki.issue_refused
 */
export function refuseBeyondAuthority(
  { facts: authority }: IssuingAuthority,
  wanted: { readonly isAuthority: boolean; readonly names: CertifiedNames },
): void {
  if (wanted.isAuthority && authority.pathLength === 0) {
    throw refusal("the issuer may not have authorities below it");
  }
  if (authority.limits === undefined) return;
  const name = findForbiddenName(wanted.names, authority.limits);
  if (name !== undefined) throw refusal(`the issuer may not certify '${name}'`);
}

/**
 * Makes the error for a certificate that is not issued.
 *
 * @param reason for people
 */
export function refusal(reason: string): TautlineError {
  return new TautlineError("pki.issue_refused", { detail: { reason } });
}
