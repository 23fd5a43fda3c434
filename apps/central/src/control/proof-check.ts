import type { CertificateMark, JudgeClient, LapsedPeer } from "@tautline/link";
import { decodeIdentityProof, isIdentitySignature, PROOF_CHALLENGE } from "@tautline/pki";
import { parseSpiffeId, TautlineError, toBase64Url } from "@tautline/protocol";
import type { SecuredConnection } from "../listeners/secured-connection.ts";
import type { ProofChallenge } from "./proof-challenge.ts";

/** What a proof of identity is bound to. */
export interface ProofGround extends Pick<SecuredConnection, "evidence" | "binding"> {
  readonly challenge: ProofChallenge;
}

/** Whose key a proof of identity proved on this connection. */
export interface ProvenIdentity {
  readonly peerId: string;
  /** Lower-case hex. */
  readonly peerSerial: string;
  readonly mark: CertificateMark | undefined;
  /** That its certificate has ended, and nothing else speaks against it. */
  readonly lapsed: { readonly peer: LapsedPeer; readonly refusal: TautlineError } | undefined;
}

/** What checking a proof needs. */
export interface ProofCheckDeps {
  readonly judge: JudgeClient;
  readonly trustDomain: string;
}

/**
 * Checks a proof of identity by the rules that a client certificate of the handshake is checked by; and that it was made for this
 * connection, this level and this end (A23, F16). Records are looked up by the caller.
 *
 * @param deps judge and trust domain
 * @param ground the connection
 * @param text value of the header
 * @throws admission.proof_challenged, admission.proof_refused, pki.proof_malformed, pki.chain_*
 */
export function checkProof(
  deps: ProofCheckDeps,
  ground: ProofGround,
  text: string,
): ProvenIdentity {
  const binding = bindingFor(ground, text);
  const { chain, signature } = decodeIdentityProof(text);
  const [leaf, ...intermediates] = chain;
  const verdict = deps.judge(leaf, intermediates);
  const peer = "refuse" in verdict ? verdict.lapsed : verdict;
  if (leaf === undefined || peer === undefined || !("peerId" in peer)) {
    throw "refuse" in verdict ? verdict.refuse : refused("it has no certificate");
  }
  const who = parseSpiffeId(peer.peerId);
  const subject = {
    role: "agent",
    agentId: who.kind === "agent" ? who.agentId : "",
    trustDomain: deps.trustDomain,
    level: ground.evidence.level,
    binding,
  } as const;
  if (!isIdentitySignature(leaf.publicKey, subject, signature)) {
    throw refused("it was made for another link, or by another key");
  }
  const { peerId, peerSerial, mark } = peer;
  const lapsed =
    "refuse" in verdict && verdict.lapsed !== undefined
      ? { peer: verdict.lapsed, refusal: verdict.refuse }
      : undefined;
  // Nothing binds to the proof what comes after it, such as keys to be certified.
  if (lapsed !== undefined && isUnbound(ground)) throw lapsed.refusal;
  return { peerId, peerSerial, mark, lapsed };
}

/** A link on which a proof says who was there when it began, and not who sent what comes after. */
export function isUnbound({ evidence }: Pick<ProofGround, "evidence">): boolean {
  return evidence.level === "plaintext";
}

function bindingFor(ground: ProofGround, text: string): Buffer {
  if (!isUnbound(ground)) {
    const binding = ground.binding();
    if (binding === undefined) throw refused("the link has nothing to bind it to");
    return binding;
  }
  const nonce = text === PROOF_CHALLENGE ? undefined : ground.challenge.take(text);
  if (nonce !== undefined) return nonce;
  const given = toBase64Url(ground.challenge.issue());
  throw new TautlineError("admission.proof_challenged", { detail: { nonce: given } });
}

function refused(reason: string): TautlineError {
  return new TautlineError("admission.proof_refused", { detail: { reason } });
}
