import type { X509Certificate } from "node:crypto";
import { certificatesFromPem, importPublicKey, spkiPin, verifyChain } from "@tautline/pki";
import {
  agentIdToBytes,
  CAPABILITY_ENROLMENT,
  decodeEnrolmentGrant,
  equalBytes,
  formatSpiffeId,
  isTautlineError,
  TautlineError,
  type EnrolmentGrant,
  type JoinToken,
  type ServerToAgent,
} from "@tautline/protocol";
import { clientKeyPem, type SimulatedIdentity, type SimulatedSelf } from "./simulated-identity.ts";

/**
 * Checks what central granted as an agent does: every root pinned, both chains up to it, own id, own keys, own purpose.
 *
 * @param message central's answer to the join
 * @param self who asked
 * @param about the token it asked with, central's address, the time in ms since 1970-01-01T00:00:00Z
 * @throws agent.no_grant, agent.grant_refused
 */
export function takeGrant(
  message: ServerToAgent,
  self: SimulatedSelf,
  about: { readonly token: JoinToken; readonly address: string; readonly nowMs: number },
): SimulatedIdentity {
  const { customMessage, connectionSettings } = message;
  if (customMessage?.capability !== CAPABILITY_ENROLMENT || customMessage.type !== "grant") {
    throw new TautlineError("agent.no_grant", { detail: { address: about.address } });
  }
  try {
    const grant = decodeEnrolmentGrant(customMessage.data);
    const chain = connectionSettings?.opamp?.certificate?.cert ?? new Uint8Array();
    const chainPem = new TextDecoder("utf-8", { fatal: true }).decode(chain);
    const roots = pinnedRoots(grant, about.token);
    const check = { self, token: about.token, roots, at: new Date(about.nowMs) };
    checkLeaf(chainPem, "client", check);
    checkLeaf(grant.serverChainPem, "server", check);
    if (importPublicKey(grant.instructorKeyPem).asymmetricKeyType !== "ed25519") {
      throw refused("its instructor key is not Ed25519");
    }
    return {
      id: self.id,
      name: self.name,
      trustDomain: grant.trustDomain,
      keyPem: clientKeyPem(self),
      chainPem,
      roots,
      uid: agentIdToBytes(self.id),
      offerHash: connectionSettings?.hash ?? new Uint8Array(),
    };
  } catch (cause) {
    if (isTautlineError(cause) && cause.code === "agent.grant_refused") throw cause;
    const reason = isTautlineError(cause) ? cause.message.replace(/\.$/, "") : "it cannot be read";
    throw new TautlineError("agent.grant_refused", { cause, detail: { reason } });
  }
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

function checkLeaf(
  chainPem: string,
  purpose: "client" | "server",
  { self, token, roots, at }: LeafCheck,
): void {
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
}

function refused(reason: string): TautlineError {
  return new TautlineError("agent.grant_refused", { detail: { reason } });
}
