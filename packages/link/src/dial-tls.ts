import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { spkiPin, verifyChain } from "@tautline/pki";
import {
  TautlineError,
  distanceText,
  equalBytes,
  formatSpiffeId,
  formatTimestamp,
  type LinkEvidence,
} from "@tautline/protocol";
import { formatHostPort } from "./addresses.ts";
import type { CryptoChoice } from "./crypto-choice.ts";
import { requireIdentity } from "./identity-check.ts";
import { peerChain } from "./peer-chain.ts";
import { evidenceOfDialled, type ProvenPeer } from "./tls-evidence.ts";
import { openTls, type TlsTarget } from "./tls-handshake.ts";
import { centralServerName, dialSettings, type TlsIdentity } from "./tls-settings.ts";

/** Whom to dial, and how long to try. */
export interface DialOptions extends TlsTarget {
  /** The other end must be `spiffe://<trustDomain>/central`. */
  readonly trustDomain: string;
  /** Groups and suites that are offered; the default where it is left out. */
  readonly crypto?: CryptoChoice | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A link to a proven central. */
export interface DialledLink {
  readonly socket: TLSSocket;
  readonly evidence: LinkEvidence;
  /** The root the proof ended in. */
  readonly roots: readonly X509Certificate[];
  /** What central showed, leaf first. */
  readonly chain: readonly X509Certificate[];
}

/**
 * Dials central knowing only the SHA-256 of its root's key (level `tls`): the way to join (DESIGN "Enrolment").
 *
 * Central sends its whole chain; a root in it must match a pin, and the chain must prove central by that root. Until then not
 * one byte is sent inside the connection, and if it fails none ever is.
 *
 * @param options `pins`: SHA-256 of SPKI, 32 bytes each, any may match
 * @throws link.pin_mismatch, link.central_unproven, link.central_untimely, link.unproven_level, link.timeout, link.cancelled,
 * link.unreachable, link.not_tls, link.tls_version, link.handshake_cut, link.handshake_failed, link.proxy_*
 */
export function dialPinned(
  options: DialOptions & { readonly pins: readonly Uint8Array[] },
): Promise<DialledLink> {
  return dial(options, (chain) => {
    const pinned = chain.filter((certificate) => isPinned(certificate, options.pins));
    if (pinned.length === 0) {
      throw new TautlineError("link.pin_mismatch", { detail: { address: addressOf(options) } });
    }
    return pinned;
  });
}

/**
 * Dials central with a certificate of our own (level `mtls`).
 *
 * Central has not judged that certificate yet when this resolves: the link counts as connected only after its first answer.
 *
 * @param options `roots`: the authorities central may prove itself by; `identity`: what this end shows
 * @throws link.identity_rejected, and as `dialPinned`
 */
export function dialMutual(
  options: DialOptions & {
    readonly roots: readonly X509Certificate[];
    readonly identity: TlsIdentity;
  },
): Promise<DialledLink> {
  return dial(options, () => options.roots, options.identity);
}

async function dial(
  options: DialOptions,
  rootsFor: (chain: readonly X509Certificate[]) => readonly X509Certificate[],
  identity?: TlsIdentity,
): Promise<DialledLink> {
  if (identity !== undefined) {
    requireIdentity(identity);
  }
  const serverName = centralServerName(options.trustDomain);
  const socket = await openTls(options, dialSettings(serverName, identity, options.crypto));
  try {
    const chain = peerChain(socket);
    const roots = rootsFor(chain);
    const { who, root } = proveCentral(chain, roots, options);
    const showedCertificate = identity !== undefined;
    const evidence = evidenceOfDialled(socket, who, { showedCertificate, now: options.now });
    return { socket, evidence, roots: [root], chain };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function proveCentral(
  chain: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  options: DialOptions,
): { who: ProvenPeer; root: X509Certificate } {
  const [leaf, ...intermediates] = chain;
  if (leaf === undefined) {
    throw unproven(options, "it showed no certificate");
  }
  const spiffeId = formatSpiffeId({ kind: "central", trustDomain: options.trustDomain });
  const judgeAt = (at: Date): ReturnType<typeof verifyChain> =>
    verifyChain({
      leaf,
      intermediates,
      roots: [...roots],
      at,
      purpose: "server",
      expect: { spiffeId, kind: "central" },
    });
  const verdict = judgeAt(new Date(options.now()));
  if (!verdict.ok) {
    // Only to explain it: were it good at a time of its own, then nothing but a clock speaks against it (F8).
    if (judgeAt(leaf.validFromDate).ok) throw untimely(options, leaf, verdict.error);
    throw unproven(options, verdict.error.message, verdict.error);
  }
  const root = verdict.path.at(-1);
  if (root === undefined) {
    throw unproven(options, "its chain is empty");
  }
  return { who: { peerId: spiffeId, peerSerial: verdict.serial }, root };
}

/** A pin names a root: the key of an intermediate would outlive that intermediate's own limits. */
function isPinned(certificate: X509Certificate, pins: readonly Uint8Array[]): boolean {
  if (!certificate.checkIssued(certificate)) {
    return false;
  }
  const pin = spkiPin(certificate);
  return pins.some((candidate) => equalBytes(candidate, pin));
}

function addressOf(options: DialOptions): string {
  return formatHostPort(options.host, options.port);
}

function untimely(options: DialOptions, leaf: X509Certificate, cause: unknown): TautlineError {
  const nowMs = options.now();
  const [fromMs, toMs] = [leaf.validFromDate.getTime(), leaf.validToDate.getTime()];
  const detail = {
    address: addressOf(options),
    notBefore: formatTimestamp(fromMs),
    notAfter: formatTimestamp(toMs),
    now: formatTimestamp(nowMs),
    distance: distanceText(nowMs < fromMs ? fromMs - nowMs : nowMs - toMs),
  };
  return new TautlineError("link.central_untimely", { detail, cause });
}

function unproven(options: DialOptions, reason: string, cause?: unknown): TautlineError {
  const detail = {
    address: addressOf(options),
    trustDomain: options.trustDomain,
    reason: reason.replace(/\.$/, ""),
  };
  return new TautlineError("link.central_unproven", { detail, cause });
}
