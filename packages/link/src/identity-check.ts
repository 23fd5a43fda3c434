import { createPrivateKey } from "node:crypto";
import { certificatesFromPem } from "@tautline/pki";
import { TautlineError } from "@tautline/protocol";
import type { TlsIdentity } from "./tls-settings.ts";

/**
 * Refuses a key that does not belong to the leaf, half a pair, and unreadable PEM, before anything is changed.
 *
 * @throws link.identity_rejected
 */
export function requireIdentity(identity: TlsIdentity): void {
  const reason = findMistake(identity);
  if (reason !== undefined) {
    throw new TautlineError("link.identity_rejected", { detail: { reason } });
  }
}

/** The key's own error is not kept as cause: its text could quote the key. */
function findMistake(identity: TlsIdentity): string | undefined {
  try {
    const [leaf] = certificatesFromPem(identity.chainPem);
    if (leaf === undefined) {
      return "it has no certificate";
    }
    return leaf.checkPrivateKey(createPrivateKey(identity.keyPem))
      ? undefined
      : "the private key does not belong to the first certificate";
  } catch {
    return "the certificate chain or the private key is not readable PEM";
  }
}
