import type { KeyObject, X509Certificate } from "node:crypto";
import { type EnrolmentRequest, LIMITS, parseAgentName, TautlineError } from "@tautline/protocol";
import { readCsr } from "@tautline/pki";
import type { AuditLog } from "../audit/audit-log.ts";
import type { CertificateAuthority } from "../authority/authority.ts";
import { certificateRow, certificatesOf } from "../authority/certificate-store.ts";
import { isClaimState } from "../fleet/claim-rule.ts";
import { refusalOf } from "../fleet/life-rule.ts";
import type { AgentRow, TokenRow } from "../store/schema.ts";
import type { Store, Writer } from "../store/store.ts";
import {
  approvalPending,
  type KeyPins,
  recordRequest,
  useApproval,
  type Waiting,
} from "./approvals.ts";
import { refuseKnownKeys, reserveKeys } from "./known-keys.ts";
import { refuseRevokedKeys } from "./revoked-keys.ts";
import type { TokenStore } from "./token-store.ts";

/** What an agent asks for: its own id, the public keys of its two leaves, a name for people. */
export interface JoinRequest extends EnrolmentRequest {
  readonly agentId: string;
  readonly clientCsrPem: string;
  /** What else is known of the host, where an operator is to decide: claims all, but for the address. */
  readonly from?: {
    readonly attributes: Readonly<Record<string, string>>;
    readonly remoteAddress: string;
  };
}

/** The identity an agent was given. */
export interface Enrolled {
  readonly agent: Pick<AgentRow, "id" | "name" | "namespace">;
  readonly clientCertificate: X509Certificate;
  readonly serverCertificate: X509Certificate;
  /** Number of the identity; that of the join if left out. */
  readonly renewalCounter?: bigint;
}

/** What enrolling needs. */
export interface EnrolDeps {
  readonly store: Store;
  readonly tokens: TokenStore;
  readonly authority: CertificateAuthority;
  readonly audit: AuditLog;
  readonly now: () => number;
  /** Ends the links of whoever claimed the id of an agent that has joined now; left out where there are none. Never throws. */
  readonly endClaims?: (id: string) => void;
}

/**
 * Gives an agent its identity: one transaction judges the token, records agent, certificates and token use, and audits. By a token
 * that asks for approval it records a candidate instead, which holds no certificate until an operator approved and it asks again.
 *
 * An id that was only claimed goes over to who joins: a token is proven, a claim is not. Nothing of the claim is kept but the history
 * of its links.
 *
 * Asked again with the same token, id and keys it gives the same certificates and takes no use, so that an agent
 * which crashed before it could keep them asks again (F3).
 *
 * @param deps central's parts
 * @param token the token whose secret the caller has proven
 * @param request what the agent asks for
 * @throws value.agent_name, pki.csr_*, enrolment.request_malformed, enrolment.token_revoked, enrolment.token_expired,
 *   enrolment.token_used_up, enrolment.id_taken, enrolment.key_taken, enrolment.agent_deleted, enrolment.approval_pending,
 *   enrolment.declined, admission.agent_quarantined, admission.agent_revoked
 */
export async function enrol(
  deps: EnrolDeps,
  token: TokenRow,
  request: JoinRequest,
): Promise<Enrolled> {
  const candidate = readCandidate(request);
  const { agentId, pins } = candidate;
  let tookOver = false;
  const outcome = await deps.store.write(async (trx) => {
    await refuseDeleted(trx, agentId);
    const known = await trx
      .selectFrom("agents")
      .selectAll()
      .where("id", "=", agentId)
      .executeTakeFirst();
    const isClaimed = known !== undefined && isClaimState(known.state);
    tookOver = isClaimed;
    if (known !== undefined && !isClaimed) {
      return answerAgain(deps, trx, { known, token, candidate });
    }
    await refuseKnownKeys(trx, [pins.client, pins.server]);
    await deps.tokens.takeUse(trx, token.id);
    await recordAgent(trx, deps, { token, candidate, isClaimed });
    const agent = { id: agentId, name: candidate.name, namespace: token.namespace };
    if (token.approve === 0) return issue(deps, trx, { agent, token, candidate });
    await reserveKeys(trx, agentId, [pins.client, pins.server]);
    return recordRequest(deps, trx, requestOf(token, candidate));
  });
  if (tookOver) deps.endClaims?.(agentId);
  if (!("waitingSinceMs" in outcome)) return outcome;
  // Thrown after the transaction, which keeps the candidate.
  throw approvalPending(candidate, outcome, deps.now());
}

interface Candidate {
  readonly agentId: string;
  readonly name: string;
  readonly version: string;
  readonly keys: { readonly client: KeyObject; readonly server: KeyObject };
  readonly pins: KeyPins;
  readonly from: NonNullable<JoinRequest["from"]>;
}

const FROM_NOWHERE = { attributes: {}, remoteAddress: "unknown" };

function readCandidate(request: JoinRequest): Candidate {
  const { agentId, agentVersion: version, from = FROM_NOWHERE } = request;
  const name = parseAgentName(request.name);
  const client = readCsr(request.clientCsrPem, { agentId });
  const server = readCsr(request.serverCsrPem, { agentId });
  if (client.pin.equals(server.pin)) {
    throw new TautlineError("enrolment.request_malformed", {
      detail: { reason: "both requests use one key" },
    });
  }
  const keys = { client: client.publicKey, server: server.publicKey };
  const pins = { client: client.pin.toString("hex"), server: server.pin.toString("hex") };
  return { agentId, name, version, keys, pins, from };
}

/** A3: whoever was deleted stays so; an id belongs to nobody else afterwards. */
async function refuseDeleted(trx: Writer, id: string): Promise<void> {
  const deleted = await trx
    .selectFrom("deleted_agents")
    .select("id")
    .where("id", "=", id)
    .executeTakeFirst();
  if (deleted !== undefined) throw new TautlineError("enrolment.agent_deleted", { detail: { id } });
}

interface Again {
  readonly known: AgentRow;
  readonly token: TokenRow;
  readonly candidate: Candidate;
}

/** The same request once more is the same identity; the same id with other keys is somebody else (A3). */
async function answerAgain(
  deps: EnrolDeps,
  trx: Writer,
  { known, token, candidate }: Again,
): Promise<Enrolled | Waiting> {
  const { id, name, namespace, state } = known;
  const hasSameKeys =
    known.client_pin === candidate.pins.client && known.server_pin === candidate.pins.server;
  if (!hasSameKeys || known.token_id !== token.id) {
    throw new TautlineError("enrolment.id_taken", { detail: { id } });
  }
  const refusal = state === "pending" ? undefined : refusalOf(state, id);
  if (refusal !== undefined) throw refusal;
  if (token.revoked_at !== null) throw new TautlineError("enrolment.token_revoked");
  await refuseRevokedKeys(trx, [candidate.pins.client, candidate.pins.server]);
  const agent = { id, name, namespace };
  if (await isCertified(trx, id)) {
    const held = await certificatesHeld(trx, known, deps.now());
    if (held !== undefined) return { agent, ...held };
  } else if (token.approve !== 0) {
    const waiting = await useApproval(deps, trx, requestOf(token, candidate));
    if (waiting !== undefined) return waiting;
  }
  return issue(deps, trx, { agent, token, candidate });
}

/**
 * What was issued already. What has ended before the host could use it is of no use to it; once it was used, it is renewed and
 * no token brings it back.
 */
async function certificatesHeld(
  trx: Writer,
  { id, state }: AgentRow,
  nowMs: number,
): Promise<Pick<Enrolled, "clientCertificate" | "serverCertificate"> | undefined> {
  const { client, server } = await certificatesOf(trx, id);
  const endsMs = Math.min(client.validToDate.getTime(), server.validToDate.getTime());
  if (endsMs <= nowMs && state !== "active") return undefined;
  return { clientCertificate: client, serverCertificate: server };
}

async function isCertified(trx: Writer, agentId: string): Promise<boolean> {
  const row = await trx
    .selectFrom("certificates")
    .select("serial")
    .where("agent_id", "=", agentId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

function requestOf(
  token: TokenRow,
  { agentId, pins, from }: Candidate,
): Parameters<typeof recordRequest>[2] {
  const { remoteAddress } = from;
  return { agentId, kind: "join", pins, remoteAddress, actor: `token:${token.id}` };
}

interface Issuing {
  readonly agent: Enrolled["agent"];
  readonly token: TokenRow;
  readonly candidate: Candidate;
}

async function issue(
  deps: EnrolDeps,
  trx: Writer,
  { agent, token, candidate }: Issuing,
): Promise<Enrolled> {
  const leaf = (purpose: "client" | "server") =>
    deps.authority.issueAgentLeaf({
      namespace: agent.namespace,
      agentId: agent.id,
      publicKey: candidate.keys[purpose],
      purpose,
    });
  const [client, server] = [leaf("client"), leaf("server")];
  const rows = [client, server].map((issued) => certificateRow(issued));
  await trx.insertInto("certificates").values(rows).execute();
  await deps.audit.append(trx, {
    action: "agent.joined",
    actor: `token:${token.id}`,
    subject: `agent:${agent.id}`,
    detail: { name: agent.name, namespace: agent.namespace },
  });
  return {
    agent,
    clientCertificate: client.certificate,
    serverCertificate: server.certificate,
  };
}

interface Recording {
  readonly token: TokenRow;
  readonly candidate: Candidate;
  /** Somebody without an identity was seen under the id: its row is the agent's now, with nothing of what it claimed. */
  readonly isClaimed: boolean;
}

const NOTHING_CLAIMED = {
  health: null,
  last_seen_at: null,
  level: null,
  key_group: null,
  config_hash: null,
  clock_offset_ms: null,
  promoted_at: null,
  promotion_told_at: null,
  edge_report: null,
  edge_told_at: null,
  edge_lost_at: null,
} as const;

/** A candidate's facts are shown to whoever decides; of an agent that is let in at once, its first status says them. */
async function recordAgent(
  trx: Writer,
  deps: EnrolDeps,
  { token, candidate: { agentId: id, name, version, pins, from }, isClaimed }: Recording,
): Promise<void> {
  const isCandidate = token.approve !== 0;
  const values = {
    name,
    namespace: token.namespace,
    state: isCandidate ? "pending" : "joining",
    joined_at: deps.now(),
    token_id: token.id,
    client_pin: pins.client,
    server_pin: pins.server,
    version: version.slice(0, LIMITS.agentNameCharacters.value),
    attributes: isCandidate ? JSON.stringify(from.attributes) : "{}",
    config_status: "unset",
    config_error: "",
    instruction_seq: 0,
  } as const;
  if (isClaimed) {
    const all = { ...NOTHING_CLAIMED, ...values };
    await trx.updateTable("agents").set(all).where("id", "=", id).execute();
  } else {
    await trx
      .insertInto("agents")
      .values({ ...values, id })
      .execute();
  }
}
