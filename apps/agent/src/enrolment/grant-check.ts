import type { X509Certificate } from "node:crypto";
import {
  certificatesFromPem,
  importPrivateKey,
  importPublicKey,
  spkiPin,
  verifyChain,
} from "@tautline/pki";
import {
  decodeEnrolmentGrant,
  formatSpiffeId,
  fromBase64Url,
  isTautlineError,
  TautlineError,
  toHex,
  type ConnectionSettingsOffers,
  type EnrolmentGrant,
  type OpAMPConnectionSettings,
} from "@tautline/protocol";
import type { AgentIdentity, JoiningState } from "../settings/agent-state.ts";

const MAX_HASH_BYTES = 64;

/** What central sent: OpAMP's part and ours. */
export interface GrantParts {
  readonly offer: ConnectionSettingsOffers | undefined;
  /** Encoded EnrolmentGrant. */
  readonly grant: Uint8Array;
}

/**
 * Checks a grant before any of it is kept: its root must be the pinned one, both certificates must be for this agent, for its
 * own keys and for their one purpose, and the names those of the token (A6, A10, A12, A16).
 *
 * @param parts what central sent
 * @param state joining: id, keys and token
 * @param nowMs milliseconds since 1970-01-01T00:00:00Z
 * @returns the identity to try, and the label as central keeps it
 * @throws agent.grant_refused
 */
export function checkGrant(
  parts: GrantParts,
  state: JoiningState,
  nowMs: number,
): { identity: AgentIdentity; name: string } {
  try {
    const grant = decodeEnrolmentGrant(parts.grant);
    const clientChainPem = textOf(parts.offer?.opamp?.certificate?.cert);
    const offerHash = hashOf(parts.offer);
    refuseInsecure(parts.offer?.opamp);
    checkNames(grant, state);
    const roots = pinnedRoots(grant, state);
    const at = new Date(nowMs);
    checkLeaf(
      { chainPem: clientChainPem, key: state.keys.client, purpose: "client", roots, at },
      state,
    );
    checkLeaf(
      { chainPem: grant.serverChainPem, key: state.keys.server, purpose: "server", roots, at },
      state,
    );
    checkInstructorKey(grant);
    const { namespace, trustDomain, serverChainPem, rootsPem, instructorKeyPem } = grant;
    const { signerEpoch, addresses, name } = grant;
    const identity = {
      namespace,
      trustDomain,
      clientChainPem,
      serverChainPem,
      rootsPem,
      instructorKeyPem,
      signerEpoch,
      addresses,
      offerHash,
    };
    return { identity, name };
  } catch (cause) {
    if (isTautlineError(cause) && cause.code === "agent.grant_refused") throw cause;
    const reason = isTautlineError(cause) ? cause.message.replace(/\.$/, "") : "it cannot be read";
    throw new TautlineError("agent.grant_refused", { cause, detail: { reason } });
  }
}

interface LeafCheck {
  readonly chainPem: string;
  /** The agent's own private key, PEM. */
  readonly key: string;
  readonly purpose: "client" | "server";
  readonly roots: readonly X509Certificate[];
  readonly at: Date;
}

/** OpAMP lets a server loosen the agent's own security; this agent takes no part of such an offer. */
function refuseInsecure(settings: OpAMPConnectionSettings | undefined): void {
  const { destinationEndpoint = "", certificate, tls } = settings ?? {};
  if ((certificate?.privateKey.length ?? 0) > 0) throw refused("it brings a private key");
  if (tls?.insecureSkipVerify === true) throw refused("it asks to skip the proof of central");
  if (destinationEndpoint !== "" && !/^(wss|https):\/\//.test(destinationEndpoint)) {
    throw refused("its endpoint is not secured by TLS");
  }
}

function hashOf(offer: ConnectionSettingsOffers | undefined): string {
  const hash = offer?.hash ?? new Uint8Array();
  if (hash.length > MAX_HASH_BYTES) throw refused("its hash is too long");
  return toHex(hash);
}

function checkNames(grant: EnrolmentGrant, { ticket }: JoiningState): void {
  if (grant.trustDomain !== ticket.trustDomain) throw refused("it is for another trust domain");
  if (grant.namespace !== ticket.namespace) throw refused("it is for another namespace");
  if (grant.addresses.length === 0) throw refused("it names no address of central");
}

/** Every root in the grant must be pinned: one stranger among them would be trusted as much as central's own. */
function pinnedRoots(grant: EnrolmentGrant, { ticket }: JoiningState): X509Certificate[] {
  const pins = ticket.pins.map((pin) => Buffer.from(fromBase64Url(pin)));
  const roots = certificatesFromPem(grant.rootsPem);
  const allPinned = roots.every((root) => pins.some((pin) => pin.equals(spkiPin(root))));
  if (!allPinned) throw refused("one of its roots is not a root that the token pins");
  return roots;
}

function checkLeaf(check: LeafCheck, { agentId, ticket }: JoiningState): void {
  const { chainPem, key, purpose, roots, at } = check;
  const [leaf, ...intermediates] = certificatesFromPem(chainPem);
  if (leaf === undefined) throw refused(`it has no ${purpose} certificate`);
  const { namespace, trustDomain } = ticket;
  const spiffeId = formatSpiffeId({ kind: "agent", trustDomain, namespace, agentId });
  const verdict = verifyChain({
    leaf,
    intermediates,
    roots,
    at,
    purpose,
    expect: { spiffeId, kind: "agent" },
  });
  if (!verdict.ok) throw verdict.error;
  if (!spkiPin(leaf).equals(spkiPin(importPrivateKey(key)))) {
    throw refused(`its ${purpose} certificate is not for this agent's key`);
  }
}

function checkInstructorKey(grant: EnrolmentGrant): void {
  if (importPublicKey(grant.instructorKeyPem).asymmetricKeyType !== "ed25519") {
    throw refused("its instructor key is not Ed25519");
  }
}

function textOf(bytes: Uint8Array | undefined): string {
  if (bytes === undefined || bytes.length === 0) throw refused("it has no client certificate");
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

function refused(reason: string): TautlineError {
  return new TautlineError("agent.grant_refused", { detail: { reason } });
}
