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

/** Errors of reading are not kept as cause: their text could quote the key. */
function findMistake({ keyPem, chainPem }: TlsIdentity): string | undefined {
  const leaf = attempt(() => certificatesFromPem(chainPem)[0]);
  if (leaf === undefined) {
    return "the certificate chain is empty or not readable PEM";
  }
  const key = attempt(() => createPrivateKey(keyPem));
  if (key === undefined) {
    return "the private key is not readable PEM";
  }
  return leaf.checkPrivateKey(key)
    ? undefined
    : "the private key does not belong to the first certificate";
}

function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
