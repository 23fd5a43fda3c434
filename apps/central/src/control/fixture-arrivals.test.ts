/* Equipment: connections as admission finds them, at every level, and what is shown on them. No tests of its own. */
import type { X509Certificate } from "node:crypto";
import { PassThrough } from "node:stream";
import { encodeIdentityProof, type KeyPair, type ProofSubject, signIdentity } from "@tautline/pki";
import type { Level, LinkEvidence } from "@tautline/protocol";
import { createAgentJudge } from "../authority/agent-judge.ts";
import {
  type Core,
  GRACE_MS,
  herdOf,
  type joinNew,
  mutualEvidence,
  TRUST_DOMAIN,
} from "../fixture-core.test.ts";
import type { LiveKey } from "../keys/key-ring.ts";
import { type Admission, type Arrival, createAdmission } from "./admission.ts";
import type { ClaimCaller } from "./caller.ts";
import { recordingLog } from "./fixture-messages.test.ts";
import { challengeOf } from "./proof-challenge.ts";
import { createRefusals } from "./refusals.ts";

/** Evidence of a level on which the dialling end proved nothing but a key. */
export function evidenceAt(level: Level, keyId: string | null = null): LinkEvidence {
  const nobody = { clientProven: false, peerId: null, peerSerial: null, keyId };
  return { ...mutualEvidence("", ""), level, ...nobody, serverProven: level === "tls" };
}

/** A version of a shared key, for a namespace or for one agent. */
export function liveKey(namespace: string, agentId?: string): LiveKey {
  const secret = Buffer.alloc(32, 7);
  return {
    name: `key-of-${namespace}`,
    version: 1,
    namespace,
    isInUse: true,
    agentId,
    sharedKey: secret,
    basicPsk: secret,
  };
}

/** A connection with its first request. */
export function arrivalAt(
  core: Pick<Core, "clock">,
  level: Level,
  shown: Partial<Arrival> = {},
): Arrival {
  const exporter = Buffer.alloc(32, 9);
  return {
    listener: level === "plaintext" ? "plaintext" : "agents",
    evidence: evidenceAt(level, shown.key?.name ?? null),
    remoteAddress: "192.0.2.1",
    authorization: undefined,
    proof: undefined,
    challenge: challengeOf(new PassThrough(), core.clock.now),
    binding: () => (level === "plaintext" ? undefined : exporter),
    ...shown,
  };
}

/** Somebody without an identity, as admission finds it. */
export function claimCaller(level: Level = "plaintext", key?: LiveKey): ClaimCaller {
  const evidence = evidenceAt(level, key?.name ?? null);
  return { kind: "claim", key, evidence, remoteAddress: "192.0.2.1" };
}

/** The gate, of a core. */
export function admissionOf(core: Core, tlsClients: "proven" | "any" = "proven"): Admission {
  const { store, authority, tokens, audit, metrics, clock, history } = core;
  const { now } = clock;
  const { recorder } = history;
  const log = recordingLog([]);
  return createAdmission({
    store,
    authority,
    tokens,
    refusals: createRefusals({ audit, history: recorder, log, metrics, now }),
    now,
    renewalGraceMs: GRACE_MS,
    herd: herdOf(core),
    proofs: { judge: createAgentJudge(authority, now), trustDomain: TRUST_DOMAIN },
    tlsClients: () => tlsClients,
  });
}

/** What an agent that joined proves itself with. */
export function proverOf({ id, client, enrolled }: Awaited<ReturnType<typeof joinNew>>): Prover {
  return { id, key: client, certificate: enrolled.clientCertificate };
}

/** What an agent proves itself with. */
export interface Prover {
  readonly id: string;
  readonly key: KeyPair;
  readonly certificate: X509Certificate;
}

/** The header by which an agent proves itself on a link; any part of what is said can be another. */
export function proofFor(prover: Prover, said: Partial<ProofSubject> = {}): string {
  const subject: ProofSubject = {
    role: "agent",
    agentId: prover.id,
    trustDomain: TRUST_DOMAIN,
    level: "basic",
    binding: Buffer.alloc(32, 9),
    ...said,
  };
  const signature = signIdentity(prover.key.privateKey, subject);
  return encodeIdentityProof({ chain: [prover.certificate], signature });
}
