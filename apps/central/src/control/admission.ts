import type { CertificateMark } from "@tautline/link";
import {
  isTautlineError,
  type LinkEvidence,
  parseSpiffeId,
  parseTokenCredential,
  TautlineError,
} from "@tautline/protocol";
import type { SecuredConnection } from "../listeners/secured-connection.ts";
import type { LiveKey } from "../keys/key-ring.ts";
import { judgeCaller } from "../fleet/admission-rule.ts";
import { type ArrivalFacts, wayOf } from "../fleet/caller-rule.ts";
import { callerRecord } from "../fleet/caller-record.ts";
import type { Herd } from "../herd/herd.ts";
import type { AgentRow, CertificateRow, TokenRow } from "../store/schema.ts";
import type { Store } from "../store/store.ts";
import type { CertificateAuthority } from "../authority/authority.ts";
import type { TokenStore } from "../enrolment/token-store.ts";
import type { AgentCaller, Caller, LapsedCaller, TokenCaller } from "./caller.ts";
import type { ProofChallenge } from "./proof-challenge.ts";
import { checkProof, isUnbound, type ProofCheckDeps } from "./proof-check.ts";
import type { RefusedCaller, Refusals } from "./refusals.ts";

/** What is known of a connection when its first request arrives. */
export interface Arrival extends SecuredConnection {
  readonly authorization: string | undefined;
  /** Value of the header `Tautline-Proof`. */
  readonly proof: string | undefined;
  /** Numbers for proofs where the level has nothing to bind them to. */
  readonly challenge: ProofChallenge;
}

/** Decides who may use the control link. */
export interface Admission {
  /** @throws admission.*, enrolment.token_*, pki.chain_* : the refusal, to be told to the caller */
  admit(arrival: Arrival): Promise<Caller>;
}

/** What the gate looks at. */
export interface AdmissionDeps {
  readonly store: Store;
  readonly authority: Pick<CertificateAuthority, "issuerPin">;
  readonly tokens: Pick<TokenStore, "prove" | "revoke">;
  readonly refusals: Refusals;
  readonly now: () => number;
  /** How long after its end a certificate is renewed by proof of its key, with no operator asked. */
  readonly renewalGraceMs: number;
  readonly herd: Pick<Herd, "sources" | "enrolments">;
  readonly proofs: ProofCheckDeps;
  /** Whether callers of level tls without anything come in as what they say to be. */
  readonly tlsClients: () => "proven" | "any";
}

/** RFC 9110 section 11.1: the scheme's name is case-insensitive. */
const BEARER = /^bearer ([^\s]{1,256})$/i;

/**
 * Builds the gate of the control link: an agent by its recorded certificate or a proof of it, a joining one by its token, and where
 * the level is accepted for that somebody by nothing but what it says to be.
 *
 * @param deps the records to look at
 */
export function createAdmission(deps: AdmissionDeps): Admission {
  return {
    admit: async (arrival) => {
      const known = { who: arrival as RefusedCaller };
      try {
        return await admitBy(deps, arrival, known);
      } catch (error) {
        // A question and no refusal: the proof comes with the next request.
        if (isTautlineError(error) && error.code === "admission.proof_challenged") throw error;
        if (isFailedAttempt(error)) deps.herd.sources.failed(arrival.remoteAddress);
        await deps.refusals.note(error, known.who);
        throw error;
      }
    },
  };
}

/** Who a refused caller is, as far as it was found out. */
interface Known {
  who: RefusedCaller;
}

async function admitBy(deps: AdmissionDeps, arrival: Arrival, known: Known): Promise<Caller> {
  const { evidence, refusal, lapsed, proof = "", key, remoteAddress } = arrival;
  switch (wayOf(factsOf(deps, arrival))) {
    case "lapsed":
      if (lapsed === undefined) break;
      return admitLapsed(deps, arrival, lapsed);
    case "refused":
      throw refusal ?? new TautlineError("internal.unexpected");
    case "agent":
      return admitAgent(deps, arrival);
    case "token":
      return admitToken(deps, arrival, known);
    case "exposed":
      return refuseExposed(deps, arrival, known);
    case "proof":
      return admitProof(deps, arrival, { text: proof, known });
    case "claim":
      return { kind: "claim", key, evidence, remoteAddress };
    case "credential-missing":
      requireTry(deps, arrival);
      throw new TautlineError("admission.credential_missing");
  }
  throw new TautlineError("internal.unexpected");
}

function factsOf({ tlsClients }: AdmissionDeps, arrival: Arrival): ArrivalFacts {
  const { evidence, authorization, proof } = arrival;
  return {
    level: evidence.level,
    certificate: certificateOf(arrival),
    hasToken: authorization !== undefined,
    hasProof: proof !== undefined,
    tlsClients: tlsClients(),
  };
}

function certificateOf({
  evidence,
  lapsed,
  refusal,
  foreign,
}: Arrival): ArrivalFacts["certificate"] {
  if (lapsed !== undefined) return "lapsed";
  if (refusal !== undefined) return "refused";
  if (foreign !== undefined) return "foreign";
  return evidence.level === "mtls" ? "proven" : "none";
}

async function admitToken(
  deps: AdmissionDeps,
  arrival: Arrival,
  known: Known,
): Promise<TokenCaller> {
  requireTry(deps, arrival);
  const caller = await proveToken(deps, arrival);
  known.who = caller;
  if (caller.token.revoked_at !== null) throw new TautlineError("enrolment.token_revoked");
  return caller;
}

/** Whoever listened has it: it is ended before its holder is told so. A wrong secret is told the same. */
async function refuseExposed(deps: AdmissionDeps, arrival: Arrival, known: Known): Promise<never> {
  const { remoteAddress, evidence } = arrival;
  const { level } = evidence;
  const token = await exposedToken(deps, arrival);
  if (token === undefined) {
    deps.herd.sources.failed(remoteAddress);
  } else {
    known.who = { ...arrival, token };
    await deps.tokens.revoke(token.id, "central", { reason: `seen on a link of level ${level}` });
  }
  throw new TautlineError("admission.token_exposed", { detail: { level } });
}

async function exposedToken(deps: AdmissionDeps, arrival: Arrival): Promise<TokenRow | undefined> {
  try {
    return (await proveToken(deps, arrival)).token;
  } catch (error) {
    if (isTautlineError(error) && error.code === "enrolment.token_unknown") return undefined;
    throw error;
  }
}

async function admitProof(
  deps: AdmissionDeps,
  arrival: Arrival,
  { text, known }: { readonly text: string; readonly known: Known },
): Promise<AgentCaller | LapsedCaller> {
  const { remoteAddress, key } = arrival;
  const proven = checkProof(deps.proofs, arrival, text);
  const { peerId, peerSerial, mark, lapsed } = proven;
  if (lapsed !== undefined) {
    const shown = { ...arrival, mark, refusal: lapsed.refusal, lapsed: lapsed.peer };
    known.who = shown;
    return admitLapsed(deps, shown, lapsed.peer);
  }
  // On plaintext it says who was there when the link began; nothing binds to it what comes after.
  const clientProven = !isUnbound(arrival);
  const evidence = { ...arrival.evidence, clientProven, peerId, peerSerial };
  known.who = { ...arrival, evidence };
  const { agent, certificate } = await proveRecorded(deps, evidence, mark);
  if (key !== undefined) requireOwnKey(key, agent);
  deps.herd.sources.proved(remoteAddress);
  const expiresAtMs = certificate.not_after;
  return { kind: "agent", agent, expiresAtMs, evidence, remoteAddress };
}

function requireOwnKey(key: LiveKey, { id, namespace }: AgentRow): void {
  if (key.agentId !== undefined && key.agentId !== id) {
    throw new TautlineError("admission.key_not_yours", { detail: { id } });
  }
  if (key.namespace === namespace) return;
  const reason = "the shared key of the link is of another namespace than the agent";
  throw new TautlineError("admission.proof_refused", { detail: { reason } });
}

/** Before a token is looked at (A20). Who proved a certificate never comes here: a bad neighbour cuts off no agent. */
function requireTry({ herd }: AdmissionDeps, { remoteAddress }: Arrival): void {
  const waitMs = herd.sources.waitMs(remoteAddress);
  if (waitMs !== undefined) {
    const retryAfterSeconds = Math.ceil(waitMs / 1_000);
    throw new TautlineError("admission.source_limited", { detail: { retryAfterSeconds } });
  }
  herd.enrolments.requireRoom(remoteAddress);
}

/** Attempts in which nothing was proven: no guess at a token, and no certificate of ours. */
function isFailedAttempt(error: unknown): boolean {
  if (!isTautlineError(error)) return false;
  const { code } = error;
  return (
    code === "admission.credential_missing" ||
    code === "enrolment.token_unknown" ||
    code === "admission.proof_refused" ||
    (code.startsWith("pki.") && code !== "pki.chain_expired")
  );
}

async function admitAgent(deps: AdmissionDeps, arrival: Arrival): Promise<AgentCaller> {
  const { evidence, remoteAddress, mark } = arrival;
  const { agent, certificate } = await proveRecorded(deps, evidence, mark);
  deps.herd.sources.proved(remoteAddress);
  const expiresAtMs = certificate.not_after;
  return { kind: "agent", agent, expiresAtMs, evidence, remoteAddress };
}

/** F5: by all the rules of an agent that is not late; beyond the grace an operator has to approve. A join that was never proven goes by its token. */
async function admitLapsed(
  deps: AdmissionDeps,
  { refusal, evidence, remoteAddress, mark }: Arrival,
  lapsed: NonNullable<Arrival["lapsed"]>,
): Promise<LapsedCaller> {
  const { now, renewalGraceMs } = deps;
  const { agent } = await proveRecorded(deps, lapsed, mark);
  if (agent.state !== "active") throw refusal ?? new TautlineError("internal.unexpected");
  const { expiredAtMs, peerSerial: serial } = lapsed;
  const isLate = now() - expiredAtMs > renewalGraceMs;
  const proof = { agentId: agent.id, serial, expiredAtMs, isLate };
  return { kind: "lapsed", ...proof, evidence, remoteAddress };
}

async function proveRecorded(
  { store, authority }: AdmissionDeps,
  { peerId }: Pick<LinkEvidence, "peerId">,
  mark: CertificateMark | undefined,
): Promise<{ readonly agent: AgentRow; readonly certificate: CertificateRow }> {
  const who = parseSpiffeId(peerId ?? "");
  const agentId = who.kind === "agent" ? who.agentId : "";
  const { agent, certificate, isKeyRevoked } = await readRecord(store, agentId, mark);
  // A17: by issuer, serial and key, never by the bytes; what differs in one of them is not what is recorded.
  const isSame =
    certificate?.pin === mark?.keyPin &&
    certificate !== undefined &&
    authority.issuerPin(certificate.issuer_id) === mark?.issuerPin;
  const recorded = isSame ? certificate : undefined;
  const refusal = judgeCaller(who, callerRecord(agent, recorded, isKeyRevoked));
  if (refusal !== undefined) throw refusal;
  // The rule refuses what is not recorded; the compiler does not see that.
  if (agent === undefined || recorded === undefined) throw new TautlineError("internal.unexpected");
  return { agent, certificate: recorded };
}

async function readRecord(store: Store, agentId: string, mark: CertificateMark | undefined) {
  const { serial = "", keyPin = "" } = mark ?? {};
  const [agent, certificate, revoked] = await store.read((db) =>
    Promise.all([
      db.selectFrom("agents").selectAll().where("id", "=", agentId).executeTakeFirst(),
      db.selectFrom("certificates").selectAll().where("serial", "=", serial).executeTakeFirst(),
      db
        .selectFrom("certificates")
        .select("serial")
        .where("pin", "=", keyPin)
        .where("revoked_at", "is not", null)
        .limit(1)
        .executeTakeFirst(),
    ]),
  );
  return { agent, certificate, isKeyRevoked: revoked !== undefined };
}

async function proveToken({ tokens }: AdmissionDeps, arrival: Arrival): Promise<TokenCaller> {
  const { evidence, remoteAddress, authorization } = arrival;
  if (authorization === undefined) throw new TautlineError("admission.credential_missing");
  const credential = parseTokenCredential(BEARER.exec(authorization)?.[1] ?? "");
  if (credential === undefined) throw new TautlineError("enrolment.token_unknown");
  const token = await tokens.prove(credential.tokenId, credential.secret);
  return { kind: "token", token, evidence, remoteAddress };
}
