import {
  type LinkEvidence,
  parseSpiffeId,
  parseTokenCredential,
  TautlineError,
} from "@tautline/protocol";
import { judgeCaller } from "../fleet/admission-rule.ts";
import type { Store } from "../store/store.ts";
import type { TokenStore } from "../enrolment/token-store.ts";
import type { AgentCaller, Caller, TokenCaller } from "./caller.ts";
import type { Refusals } from "./refusals.ts";

/** What is known of a connection when its first request arrives. */
export interface Arrival {
  readonly evidence: LinkEvidence;
  /** Why its client certificate was not accepted, if it showed one. */
  readonly refusal: TautlineError | undefined;
  readonly authorization: string | undefined;
  readonly remoteAddress: string;
}

/** Decides who may use the control link. */
export interface Admission {
  /** @throws admission.*, enrolment.token_unknown, pki.chain_* : the refusal, to be told to the caller */
  admit(arrival: Arrival): Promise<Caller>;
}

export interface AdmissionDeps {
  readonly store: Store;
  readonly tokens: TokenStore;
  readonly refusals: Refusals;
}

const BEARER = /^Bearer ([^\s]{1,256})$/;

/**
 * Builds the gate of the control link: an agent by its recorded certificate, or a joining one by its token; nobody else.
 *
 * @param deps the records to look at
 */
export function createAdmission(deps: AdmissionDeps): Admission {
  return {
    admit: async (arrival) => {
      try {
        if (arrival.refusal !== undefined) throw arrival.refusal;
        if (arrival.evidence.level === "mtls") return await admitAgent(deps, arrival);
        return await admitToken(deps, arrival);
      } catch (error) {
        await deps.refusals.note(error, arrival);
        throw error;
      }
    },
  };
}

async function admitAgent({ store }: AdmissionDeps, arrival: Arrival): Promise<AgentCaller> {
  const { evidence, remoteAddress } = arrival;
  const who = parseSpiffeId(evidence.peerId ?? "");
  const agentId = who.kind === "agent" ? who.agentId : "";
  const [agent, certificate] = await store.read((db) =>
    Promise.all([
      db.selectFrom("agents").selectAll().where("id", "=", agentId).executeTakeFirst(),
      db
        .selectFrom("certificates")
        .select(["agent_id", "revoked_at", "purpose"])
        .where("serial", "=", evidence.peerSerial ?? "")
        .executeTakeFirst(),
    ]),
  );
  const refusal = judgeCaller(who, {
    ...(agent === undefined ? {} : { agent }),
    ...(certificate === undefined
      ? {}
      : {
          certificate: {
            agentId: certificate.agent_id,
            revoked: certificate.revoked_at !== null,
            purpose: certificate.purpose,
          },
        }),
  });
  if (refusal !== undefined) throw refusal;
  if (agent === undefined)
    throw new TautlineError("admission.agent_unknown", { detail: { id: agentId } });
  return { kind: "agent", agent, evidence, remoteAddress };
}

async function admitToken({ tokens }: AdmissionDeps, arrival: Arrival): Promise<TokenCaller> {
  const { evidence, remoteAddress, authorization } = arrival;
  if (authorization === undefined) throw new TautlineError("admission.credential_missing");
  const credential = parseTokenCredential(BEARER.exec(authorization)?.[1] ?? "");
  if (credential === undefined) throw new TautlineError("enrolment.token_unknown");
  const token = await tokens.prove(credential.tokenId, credential.secret);
  if (token.revoked_at !== null) throw new TautlineError("enrolment.token_revoked");
  return { kind: "token", token, evidence, remoteAddress };
}
