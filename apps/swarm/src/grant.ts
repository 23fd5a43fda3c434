import type { X509Certificate } from "node:crypto";
import { certificatesFromPem, importPublicKey, spkiPin, verifyChain } from "@tautline/pki";
import {
  agentIdToBytes,
  CAPABILITY_ENROLMENT,
  decodeEnrolmentGrant,
  equalBytes,
  formatSpiffeId,
  isTautlineError,
  planRenewal,
  TautlineError,
  type EnrolmentGrant,
  type JoinToken,
  type ServerToAgent,
} from "@tautline/protocol";
import { clientKeyPem, type SimulatedIdentity, type SimulatedSelf } from "./simulated-identity.ts";

/** What a grant is judged by beside who asked. */
export interface GrantContext {
  readonly token: JoinToken;
  /** Central's, for messages. */
  readonly address: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly nowMs: number;
  /** Uniform in [0, 1): spreads the renewal. */
  readonly random: () => number;
}

/**
 * Checks what central granted as an agent does: every root pinned, both chains up to it, own id, own keys, own purpose, the number asked for.
 *
 * @param message central's answer to the join or the renewal
 * @param self who asked
 * @param about the token it joined with, central's address, time and chance
 * @throws agent.no_grant, agent.grant_refused
 */
export function takeGrant(
  message: ServerToAgent,
  self: SimulatedSelf,
  about: GrantContext,
): SimulatedIdentity {
  const { customMessage } = message;
  if (customMessage?.capability !== CAPABILITY_ENROLMENT || customMessage.type !== "grant") {
    throw new TautlineError("agent.no_grant", { detail: { address: about.address } });
  }
  try {
    return checkedIdentity(message, customMessage.data, self, about);
  } catch (cause) {
    if (isTautlineError(cause) && cause.code === "agent.grant_refused") throw cause;
    const reason = isTautlineError(cause) ? cause.message.replace(/\.$/, "") : "it cannot be read";
    throw new TautlineError("agent.grant_refused", { cause, detail: { reason } });
  }
}

function checkedIdentity(
  { connectionSettings }: ServerToAgent,
  data: Uint8Array,
  self: SimulatedSelf,
  { token, nowMs, random }: GrantContext,
): SimulatedIdentity {
  const grant = decodeEnrolmentGrant(data);
  const chain = connectionSettings?.opamp?.certificate?.cert ?? new Uint8Array();
  const chainPem = new TextDecoder("utf-8", { fatal: true }).decode(chain);
  const roots = pinnedRoots(grant, token);
  const check = { self, token, roots, at: new Date(nowMs) };
  const clientEndsMs = checkLeaf(chainPem, "client", check);
  const endsMs = Math.min(clientEndsMs, checkLeaf(grant.serverChainPem, "server", check));
  if (grant.renewalCounter !== self.counter) throw refused("its number is not the one asked for");
  if (importPublicKey(grant.instructorKeyPem).asymmetricKeyType !== "ed25519") {
    throw refused("its instructor key is not Ed25519");
  }
  return {
    id: self.id,
    name: self.name,
    namespace: grant.namespace,
    trustDomain: grant.trustDomain,
    keyPem: clientKeyPem(self),
    chainPem,
    roots,
    instructorKeyPem: grant.instructorKeyPem,
    signerEpoch: grant.signerEpoch,
    uid: agentIdToBytes(self.id),
    offerHash: connectionSettings?.hash ?? new Uint8Array(),
    counter: self.counter,
    endsMs,
    renewAtMs: planRenewal({ grantedMs: nowMs, endsMs }, random),
  };
}

function pinnedRoots(grant: EnrolmentGrant, token: JoinToken): X509Certificate[] {
  const { trustDomain, namespace } = token;
  if (grant.trustDomain !== trustDomain || grant.namespace !== namespace) {
    throw refused("it is for another trust domain or namespace");
  }
  const roots = certificatesFromPem(grant.rootsPem);
  const isPinned = (root: X509Certificate): boolean =>
    token.pins.some((pin) => equalBytes(pin, spkiPin(root)));
  if (!roots.every(isPinned)) throw refused("one of its roots is not a root that the token pins");
  return roots;
}

interface LeafCheck {
  readonly self: SimulatedSelf;
  readonly token: JoinToken;
  readonly roots: readonly X509Certificate[];
  readonly at: Date;
}

/** Gives the certificate's end in milliseconds since 1970-01-01T00:00:00Z. */
function checkLeaf(
  chainPem: string,
  purpose: "client" | "server",
  { self, token, roots, at }: LeafCheck,
): number {
  const [leaf, ...intermediates] = certificatesFromPem(chainPem);
  if (leaf === undefined) throw refused(`it has no ${purpose} certificate`);
  const { trustDomain, namespace } = token;
  const spiffeId = formatSpiffeId({ kind: "agent", trustDomain, namespace, agentId: self.id });
  const expect = { spiffeId, kind: "agent" } as const;
  const verdict = verifyChain({ leaf, intermediates, roots, at, purpose, expect });
  if (!verdict.ok) throw verdict.error;
  if (!spkiPin(leaf).equals(spkiPin(self[purpose].publicKey))) {
    throw refused(`its ${purpose} certificate is not for this agent's key`);
  }
  return leaf.validToDate.getTime();
}

function refused(reason: string): TautlineError {
  return new TautlineError("agent.grant_refused", { detail: { reason } });
}
