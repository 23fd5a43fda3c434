import type { X509Certificate } from "node:crypto";
import { formatHostPort, type HostPort } from "@tautline/link";
import { isTautlineError, parseSpiffeId, TautlineError, toHex } from "@tautline/protocol";
import { spkiPin } from "@tautline/pki";
import { attemptTls } from "../doctor/tls-attempt.ts";

/** What an address claims to be, proven by nothing yet. */
export interface ShownRoot {
  readonly trustDomain: string;
  /** SHA-256 of the root's public key (SPKI), lower-case hexadecimal. */
  readonly pin: string;
}

/**
 * Asks an address for its certificates and hangs up. What it shows is a claim, for a person to compare or a pin to match; the real
 * dial proves it.
 *
 * @param address the console port
 * @param timeoutMs for the handshake
 * @throws link.* where no TLS comes about, link.central_unproven where it shows no central at all
 */
export async function readShownRoot(address: HostPort, timeoutMs: number): Promise<ShownRoot> {
  const attempt = await attemptTls(address, { version: "TLSv1.3" }, timeoutMs);
  if (!attempt.ok) throw attempt.error;
  const [leaf] = attempt.chain;
  const root = attempt.chain.find((certificate) => certificate.checkIssued(certificate));
  const trustDomain = leaf && trustDomainOf(leaf);
  if (root === undefined || trustDomain === undefined) {
    const detail = {
      address: formatHostPort(address.host, address.port),
      trustDomain: "any trust domain",
      reason: "it shows no certificate of a central with its root",
    };
    throw new TautlineError("link.central_unproven", { detail });
  }
  return { trustDomain, pin: toHex(spkiPin(root)) };
}

function trustDomainOf({ subjectAltName }: X509Certificate): string | undefined {
  const [, uri = ""] = /(?:^|, )URI:(spiffe:[^,\s]+)/.exec(subjectAltName ?? "") ?? [];
  try {
    const id = parseSpiffeId(uri);
    return id.kind === "central" ? id.trustDomain : undefined;
  } catch (error) {
    if (isTautlineError(error)) return undefined;
    throw error;
  }
}
