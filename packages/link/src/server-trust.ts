import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { spkiPin, verifyChain, verifyTrustedLeaf, type ChainVerdict } from "@tautline/pki";
import { TautlineError, equalBytes } from "@tautline/protocol";

/**
 * By what a server of an existing PKI is known. With authorities the chain has to end in one of them; with pins some certificate of
 * the proven chain has to hold a pinned key; with both, both. With neither, nothing is trusted.
 */
export interface ServerTrust {
  /** Authorities, or certificates of servers that are trusted themselves; undefined leaves the proof to the pins. */
  readonly authorities: readonly X509Certificate[] | undefined;
  /** SHA-256 of SPKI, 32 bytes each; any may match. */
  readonly pins: readonly Uint8Array[];
}

/** What was dialled, and when. */
export interface DialledServer {
  /** A name or an address. */
  readonly host: string;
  /** `host:port`, for people. */
  readonly address: string;
  readonly at: Date;
}

/**
 * Proves that a chain belongs to the host that was dialled. OpenSSL is not asked: the rules are RFC 5280's, names come from the
 * subject alternative name alone (RFC 9525), and neither NODE_EXTRA_CA_CERTS nor SSL_CERT_FILE can add to the trust.
 *
 * A leaf whose own key is pinned, with no authorities to ask, is known by that key and needs no name (as RFC 7671 section 5.1).
 *
 * @param chain what the server showed, leaf first; its key took part in the handshake
 * @returns the leaf's serial, lower-case hex
 * @throws link.server_unproven, link.server_unnamed
 */
export function proveServer(
  chain: readonly X509Certificate[],
  trust: ServerTrust,
  server: DialledServer,
): string {
  const [leaf, ...intermediates] = chain;
  if (leaf === undefined) throw unproven(server, "it showed no certificate");
  const isKnownByKey = trust.authorities === undefined && isPinned(leaf, trust.pins);
  // First of all: such a certificate is often of version 1 too, and its missing name is what people can mend.
  if (!isKnownByKey) requireNames(leaf, server);
  const verdict = judge({ leaf, intermediates }, trust, server);
  if (!verdict.ok) {
    throw unproven(server, verdict.error.message.replace(/\.$/, ""), verdict.error);
  }
  if (trust.pins.length > 0 && !verdict.path.some((each) => isPinned(each, trust.pins))) {
    throw unproven(server, "no key of its chain is one that is pinned here");
  }
  if (!isKnownByKey && !isNamed(leaf, server.host)) {
    const reason = `its certificate is for ${leaf.subjectAltName}, not for ${server.host}`;
    throw unproven(server, reason);
  }
  return verdict.serial;
}

function judge(
  {
    leaf,
    intermediates,
  }: { readonly leaf: X509Certificate; readonly intermediates: readonly X509Certificate[] },
  { authorities, pins }: ServerTrust,
  server: DialledServer,
): ChainVerdict {
  const question = { at: server.at, purpose: "server", rules: "existing" } as const;
  const shown = [leaf, ...intermediates];
  const trusted = authorities ?? shown.filter((each) => isPinned(each, pins));
  if (authorities === undefined && trusted.length === 0) {
    throw unproven(server, "it shows no key that is pinned here");
  }
  if (trusted.some((each) => each.raw.equals(leaf.raw))) return verifyTrustedLeaf(leaf, question);
  // A store of a system has hundreds; a path can only end in one that something shown names as its issuer.
  const issuers = new Set(shown.map((each) => each.issuer));
  const roots = trusted.filter((each) => issuers.has(each.subject));
  return verifyChain({ leaf, intermediates, roots, ...question });
}

function requireNames(leaf: X509Certificate, { address }: DialledServer): void {
  if (leaf.subjectAltName !== undefined) return;
  const subject = leaf.subject?.replaceAll("\n", ", ") || "no name at all";
  throw new TautlineError("link.server_unnamed", { detail: { address, subject } });
}

function isNamed(leaf: X509Certificate, host: string): boolean {
  if (isIP(host) !== 0) return leaf.checkIP(host) !== undefined;
  const strict = { subject: "never", partialWildcards: false } as const;
  return leaf.checkHost(host, strict) !== undefined;
}

function isPinned(certificate: X509Certificate, pins: readonly Uint8Array[]): boolean {
  const pin = pinOf(certificate);
  return pin !== undefined && pins.some((each) => equalBytes(each, pin));
}

/** A key that cannot be read is no pinned one. */
function pinOf(certificate: X509Certificate): Uint8Array | undefined {
  try {
    return spkiPin(certificate);
  } catch {
    return undefined;
  }
}

function unproven(server: DialledServer, reason: string, cause?: unknown): TautlineError {
  const { address } = server;
  return new TautlineError("link.server_unproven", { detail: { address, reason }, cause });
}
