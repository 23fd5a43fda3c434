import type { CertificateMark } from "@tautline/link";
import {
  isTautlineError,
  type LinkEvidence,
  parseSpiffeId,
  parseTokenCredential,
  TautlineError,
} from "@tautline/protocol";
import type { SecuredConnection } from "../listeners/secured-connection.ts";
import { judgeCaller } from "../fleet/admission-rule.ts";
import { callerRecord } from "../fleet/caller-record.ts";
import type { Herd } from "../herd/herd.ts";
import type { AgentRow, CertificateRow } from "../store/schema.ts";
import type { Store } from "../store/store.ts";
import type { CertificateAuthority } from "../authority/authority.ts";
import type { TokenStore } from "../enrolment/token-store.ts";
import type { AgentCaller, Caller, LapsedCaller, TokenCaller } from "./caller.ts";
import type { RefusedCaller, Refusals } from "./refusals.ts";

/** What is known of a connection when its first request arrives. */
export interface Arrival extends SecuredConnection {
  readonly authorization: string | undefined;
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
  readonly tokens: TokenStore;
  readonly refusals: Refusals;
  readonly now: () => number;
  /** How long after its end a certificate is renewed by proof of its key, with no operator asked. */
  readonly renewalGraceMs: number;
  readonly herd: Pick<Herd, "sources" | "enrolments">;
}

/** RFC 9110 section 11.1: the scheme's name is case-insensitive. */
const BEARER = /^bearer ([^\s]{1,256})$/i;

/**
 * Builds the gate of the control link: an agent by its recorded certificate, or a joining one by its token; nobody else.
 *
 * @param deps the records to look at
 */
export function createAdmission(deps: AdmissionDeps): Admission {
  return {
    admit: async (arrival) => {
      let known: RefusedCaller = arrival;
      try {
        if (arrival.lapsed !== undefined) return await admitLapsed(deps, arrival, arrival.lapsed);
        if (arrival.refusal !== undefined) throw arrival.refusal;
        // Its key is proven, but by nobody who may say who is an agent here.
        if (arrival.foreign !== undefined) throw new TautlineError("admission.not_an_agent");
        if (arrival.evidence.level === "mtls") return await admitAgent(deps, arrival);
        requireTry(deps, arrival);
        const caller = await proveToken(deps, arrival);
        known = caller;
        if (caller.token.revoked_at !== null) throw new TautlineError("enrolment.token_revoked");
        return caller;
      } catch (error) {
        if (isFailedAttempt(error)) deps.herd.sources.failed(arrival.remoteAddress);
        await deps.refusals.note(error, known);
        throw error;
      }
    },
  };
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
