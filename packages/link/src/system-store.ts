import { X509Certificate } from "node:crypto";
import { getCACertificates } from "node:tls";
import { TautlineError } from "@tautline/protocol";

/**
 * The authorities that this host's system trusts ("no CA mode", SW-6), and no others: neither those that Node brings along nor those
 * of NODE_EXTRA_CA_CERTS. Node reads the store once in a process.
 *
 * @throws link.system_store_empty
 */
export function systemAuthorities(): readonly X509Certificate[] {
  const authorities = getCACertificates("system").flatMap(readOrSkip);
  if (authorities.length === 0) throw new TautlineError("link.system_store_empty");
  return authorities;
}

/** One odd authority among hundreds that nobody here chose must not cut this agent off; nothing is proven by it. */
function readOrSkip(pem: string): X509Certificate[] {
  try {
    return [new X509Certificate(pem)];
  } catch {
    return [];
  }
}
