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
import type {
  AgentIdentity,
  AgentKeys,
  CommittedState,
  JoiningState,
  NextIdentity,
} from "../settings/agent-state.ts";

const MAX_HASH_BYTES = 64;

/** What central sent: OpAMP's part and ours. */
export interface GrantParts {
  readonly offer: ConnectionSettingsOffers | undefined;
  /** Encoded EnrolmentGrant. */
  readonly grant: Uint8Array;
}

/** Whom a grant must be for, and by which roots. */
interface Expected {
  readonly agentId: string;
  readonly keys: AgentKeys;
  readonly namespace: string;
  readonly trustDomain: string;
  /** SHA-256 of the SPKI of every root that may be granted. */
  readonly pins: readonly Buffer[];
  /** Number of the identity asked for. */
  readonly counter: bigint;
}

/**
 * Checks a join's grant before any of it is kept: its root must be the pinned one, both certificates must be for this agent,
 * for its own keys and for their one purpose, and the names those of the token (A6, A10, A12, A16).
 *
 * @param parts what central sent
 * @param state joining: id, keys and token
 * @param nowMs milliseconds since 1970-01-01T00:00:00Z
 * @returns the identity to try, and the label as central keeps it
 * @throws agent.grant_refused
 */
export function checkGrant(
  parts: GrantParts,
  { agentId, keys, ticket }: JoiningState,
  nowMs: number,
): { identity: AgentIdentity; name: string } {
  const { namespace, trustDomain } = ticket;
  const pins = ticket.pins.map((pin) => Buffer.from(fromBase64Url(pin)));
  const expected = { agentId, keys, namespace, trustDomain, pins, counter: 0n };
  return orRefused("agent.grant_refused", () => readGrant(parts, expected, nowMs));
}

/**
 * Checks a renewal's grant as strictly as a join's, and that it changes nothing but the certificates: same id, namespace,
 * roots, instructor and number asked for. Addresses stay those in use: a change of address comes as a signed instruction.
 *
 * @param parts what central sent
 * @param state committed
 * @param next what was asked for
 * @param nowMs milliseconds since 1970-01-01T00:00:00Z
 * @returns the identity to try
 * @throws agent.renewal_refused
 */
export function checkRenewalGrant(
  parts: GrantParts,
  { agentId, identity: current }: CommittedState,
  { keys, counter }: NextIdentity,
  nowMs: number,
): AgentIdentity {
  const { namespace, trustDomain, rootsPem, addresses } = current;
  const pins = certificatesFromPem(rootsPem).map((root) => spkiPin(root));
  const expected = { agentId, keys, namespace, trustDomain, pins, counter };
  return orRefused("agent.renewal_refused", () => {
    const { identity } = readGrant(parts, expected, nowMs);
    const isSameInstructor =
      identity.instructorKeyPem === current.instructorKeyPem &&
      identity.signerEpoch === current.signerEpoch;
    // A10: the key whose instructions are carried out was pinned at the join.
    if (!isSameInstructor) throw refused("it brings another instructor key");
    return { ...identity, rootsPem, addresses };
  });
}

/** Whatever is wrong with a grant is one refusal, which says why. */
function orRefused<Result>(
  code: "agent.grant_refused" | "agent.renewal_refused",
  read: () => Result,
): Result {
  try {
    return read();
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new TautlineError(code, { cause, detail: { reason } });
  }
}

function reasonOf(cause: unknown): string {
  if (!isTautlineError(cause)) return "it cannot be read";
  const { reason } = cause.detail;
  return cause.code === "agent.grant_refused" && typeof reason === "string"
    ? reason
    : cause.message.replace(/\.$/, "");
}

function readGrant(
  parts: GrantParts,
  expected: Expected,
  nowMs: number,
): { identity: AgentIdentity; name: string } {
  const grant = decodeEnrolmentGrant(parts.grant);
  const clientChainPem = textOf(parts.offer?.opamp?.certificate?.cert);
  const offerHash = hashOf(parts.offer);
  refuseInsecure(parts.offer?.opamp);
  checkNames(grant, expected);
  const roots = pinnedRoots(grant, expected);
  const at = new Date(nowMs);
  const { client, server } = expected.keys;
  checkLeaf({ chainPem: clientChainPem, key: client, purpose: "client", roots, at }, expected);
  checkLeaf(
    { chainPem: grant.serverChainPem, key: server, purpose: "server", roots, at },
    expected,
  );
  checkInstructorKey(grant);
  const { namespace, trustDomain, serverChainPem, rootsPem, instructorKeyPem } = grant;
  const { signerEpoch, addresses, name } = grant;
  const chains = { clientChainPem, serverChainPem, rootsPem };
  const identity = { namespace, trustDomain, ...chains, instructorKeyPem, signerEpoch };
  return { identity: { ...identity, addresses, offerHash }, name };
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

function checkNames(grant: EnrolmentGrant, expected: Expected): void {
  if (grant.trustDomain !== expected.trustDomain) throw refused("it is for another trust domain");
  if (grant.namespace !== expected.namespace) throw refused("it is for another namespace");
  if (grant.renewalCounter !== expected.counter)
    throw refused("its number is not the one asked for");
  if (grant.addresses.length === 0) throw refused("it names no address of central");
}

/** Every root in the grant must be pinned: one stranger among them would be trusted as much as central's own. */
function pinnedRoots(grant: EnrolmentGrant, { pins }: Expected): X509Certificate[] {
  const roots = certificatesFromPem(grant.rootsPem);
  const allPinned = roots.every((root) => pins.some((pin) => pin.equals(spkiPin(root))));
  if (!allPinned) throw refused("one of its roots is not a pinned root");
  return roots;
}

function checkLeaf(check: LeafCheck, expected: Expected): void {
  const { chainPem, key, purpose, roots, at } = check;
  const [leaf, ...intermediates] = certificatesFromPem(chainPem);
  if (leaf === undefined) throw refused(`it has no ${purpose} certificate`);
  const { namespace, trustDomain, agentId } = expected;
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
