import { TautlineError } from "./error.ts";
import { canonicalIPv6, isIPv4Text } from "./ip-text.ts";

/** What the certificate of a program is good for. */
export const CERTIFICATE_USES = ["server", "client", "both"] as const;

/** One of `CERTIFICATE_USES`. */
export type CertificateUse = (typeof CERTIFICATE_USES)[number];

/** A name that a program's certificate can have. */
export interface CertifiedName {
  readonly kind: "dns" | "wildcard" | "ip";
  readonly text: string;
}

/** A DNS name in lower case whose last label has a letter, so that no IPv4 address passes (RFC 1123 section 2.1). */
const DNS_NAME =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MAX_DNS_NAME_CHARACTERS = 253;
const WILDCARD = "*.";

/**
 * Reads a name for a certificate in its one spelling; refuses and never normalises. A wildcard stands for the first label alone and
 * has at least two behind it (RFC 6125 section 6.4.3).
 *
 * @param text a DNS name in lower case, an IPv4 address, an IPv6 address as RFC 5952 writes it without dotted decimals, or `*.` before a DNS name
 * @returns undefined for anything else
 */
export function readCertifiedName(text: string): CertifiedName | undefined {
  if (text.length > MAX_DNS_NAME_CHARACTERS) return undefined;
  if (isIPv4Text(text) || canonicalIPv6(text) === text) return { kind: "ip", text };
  if (DNS_NAME.test(text)) return { kind: "dns", text };
  if (!text.startsWith(WILDCARD)) return undefined;
  const rest = text.slice(WILDCARD.length);
  return DNS_NAME.test(rest) && rest.includes(".") ? { kind: "wildcard", text } : undefined;
}

/**
 * Reads a name for a certificate, as `readCertifiedName` does.
 *
 * @param text the name
 * @throws value.certified_name
 */
export function parseCertifiedName(text: string): CertifiedName {
  const name = readCertifiedName(text);
  if (name !== undefined) return name;
  throw new TautlineError("value.certified_name", { detail: { text } });
}

/**
 * Tells whether what was allowed covers what is asked for.
 *
 * @param allowed as it was allowed
 * @param asked for a certificate
 */
export function includesUse(allowed: CertificateUse, asked: CertificateUse): boolean {
  return allowed === "both" || allowed === asked;
}
