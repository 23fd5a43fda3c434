import type { X509Certificate } from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import { readFacts } from "./certificate-facts.ts";
import { readCertificateFile } from "./certificate-file.ts";
import { findKeyWeakness } from "./key-strength.ts";

/**
 * Reads a file of authorities that are to be trusted (`ca.crt`): all of it or nothing. A certificate that is neither an authority's nor
 * self-signed is refused, for it stands there by mistake, and so is one that no chain could be proven by.
 *
 * @param bytes the whole file, at most 256 KiB
 * @returns at least one certificate
 * @throws pki.pem_malformed, pki.certificate_malformed, pki.key_not_accepted
 */
export function readAuthorityFile(bytes: Uint8Array): readonly X509Certificate[] {
  const certificates = readCertificateFile(bytes);
  for (const certificate of certificates) requireTrustable(certificate);
  return certificates;
}

function requireTrustable(certificate: X509Certificate): void {
  const { isAuthority, subject, issuer, publicKey } = readFacts(certificate);
  const name = certificate.subject?.replaceAll("\n", ", ") || "(no subject)";
  if (!isAuthority && subject !== issuer) {
    const reason = `'${name}' is no authority's certificate`;
    throw new TautlineError("pki.certificate_malformed", { detail: { reason } });
  }
  const weakness = findKeyWeakness(publicKey);
  if (weakness === undefined) return;
  const reason = `${weakness}, in '${name}'`;
  throw new TautlineError("pki.key_not_accepted", { detail: { reason } });
}
