import type { KeyObject, X509Certificate } from "node:crypto";
import { readCsr } from "@tautline/pki";
import { judgeRenewal, type RenewalRequest, TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import type { CertificateAuthority } from "../authority/authority.ts";
import { certificateRow } from "../authority/certificate-store.ts";
import { refusalOf } from "../fleet/life-rule.ts";
import type { AgentRow, CertificateRow } from "../store/schema.ts";
import type { Store, Writer } from "../store/store.ts";
import type { Enrolled } from "./enrol.ts";
import { approvalPending, dropApproval, useApproval, type Waiting } from "./approvals.ts";
import { refuseKnownKeys } from "./known-keys.ts";
import { recordedCertificates } from "./recorded-certificates.ts";
import { refuseRevokedKeys } from "./revoked-keys.ts";

/** What an enrolled agent asks for: the public keys of its next two leaves, under the next number. */
export interface RenewalOrder extends RenewalRequest {
  readonly agentId: string;
  readonly clientCsrPem: string;
  /** Serial of the certificate whose key the caller proved, lower-case hex. */
  readonly callerSerial: string;
  /** The certificate ended longer ago than central renews by itself: an operator is asked. */
  readonly late?: { readonly expiredAtMs: number; readonly remoteAddress: string };
}

/** What renewing needs. */
export interface RenewDeps {
  readonly store: Store;
  readonly authority: CertificateAuthority;
  readonly audit: AuditLog;
  readonly now: () => number;
}

/**
 * Gives an agent its next identity: one transaction judges the number, issues and records both certificates, and audits.
 *
 * Asked again with the same number and keys it gives the same certificates and issues nothing (F3), unless they have ended
 * meanwhile. A late agent's request is kept until an operator approves it (RS-26, F5). An older identity, or an old number with other keys, means that the agent exists twice: it is refused and audited,
 * and the side with the newest number keeps running (F25).
 *
 * @param deps central's parts
 * @param order what the agent asks for
 * @throws pki.csr_*, enrolment.renewal_malformed, enrolment.renewal_out_of_step, enrolment.clone_suspected,
 *   enrolment.key_taken, enrolment.approval_pending, enrolment.declined, admission.agent_quarantined,
 *   admission.agent_unknown, admission.agent_revoked, admission.certificate_unknown, admission.certificate_revoked
 */
export async function renew(deps: RenewDeps, order: RenewalOrder): Promise<Enrolled> {
  const keys = readKeys(order);
  const outcome = await deps.store.write(async (trx) => {
    const { agent, caller } = await recordOf(trx, order);
    const hasGrantedKeys =
      agent.client_pin === keys.client.pin && agent.server_pin === keys.server.pin;
    const verdict = judgeRenewal({
      counter: order.counter,
      callerCounter: BigInt(caller.renewal_counter),
      grantedCounter: BigInt(agent.renewal_counter),
      provenCounter: BigInt(agent.proven_counter),
      hasGrantedKeys,
    });
    const { late } = order;
    const renewing = { agent, keys, counter: Number(order.counter), ...(late && { late }) };
    if (verdict === "repeat") return repeat(deps, trx, renewing);
    if (verdict === "clone") {
      await noteClone(deps, trx, agent, { counter: order.counter, pin: keys.client.pin });
      return undefined;
    }
    if (verdict === "ahead") {
      const detail = { counter: String(order.counter), known: agent.renewal_counter };
      throw new TautlineError("enrolment.renewal_out_of_step", { detail });
    }
    await refuseKnownKeys(trx, [keys.client.pin, keys.server.pin]);
    return issue(deps, trx, renewing);
  });
  if (outcome !== undefined && "agent" in outcome) return outcome;
  // Thrown after the transaction, which keeps what was noted of it.
  if (outcome !== undefined) {
    const { agentId } = order;
    throw approvalPending({ agentId, pins: pinsOf(keys) }, outcome, deps.now());
  }
  const detail = { id: order.agentId, counter: String(order.counter) };
  throw new TautlineError("enrolment.clone_suspected", { detail });
}

interface RequestedKey {
  readonly publicKey: KeyObject;
  /** SHA-256 of its SPKI, lower-case hex. */
  readonly pin: string;
}

interface RequestedKeys {
  readonly client: RequestedKey;
  readonly server: RequestedKey;
}

interface Renewing {
  readonly agent: AgentRow;
  readonly keys: RequestedKeys;
  readonly counter: number;
  readonly late?: NonNullable<RenewalOrder["late"]>;
}

function pinsOf({ client, server }: RequestedKeys): { client: string; server: string } {
  return { client: client.pin, server: server.pin };
}

/** Both requests prove possession of their keys (A12). */
function readKeys({ agentId, clientCsrPem, serverCsrPem }: RenewalOrder): RequestedKeys {
  const read = (pem: string): RequestedKey => {
    const { publicKey, pin } = readCsr(pem, { agentId });
    return { publicKey, pin: pin.toString("hex") };
  };
  const keys = { client: read(clientCsrPem), server: read(serverCsrPem) };
  if (keys.client.pin !== keys.server.pin) return keys;
  throw new TautlineError("enrolment.renewal_malformed", {
    detail: { reason: "both requests use one key" },
  });
}

/** Looked at again inside the transaction: agent and certificate may have been revoked since the link was admitted. */
async function recordOf(
  trx: Writer,
  { agentId: id, callerSerial }: RenewalOrder,
): Promise<{ readonly agent: AgentRow; readonly caller: CertificateRow }> {
  const agent = await trx.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirst();
  if (agent === undefined) throw new TautlineError("admission.agent_unknown", { detail: { id } });
  const refusal = refusalOf(agent.state, id);
  if (refusal !== undefined) throw refusal;
  const caller = await trx
    .selectFrom("certificates")
    .selectAll()
    .where("serial", "=", callerSerial)
    .where("agent_id", "=", id)
    .where("purpose", "=", "client")
    .executeTakeFirst();
  if (caller === undefined) throw new TautlineError("admission.certificate_unknown");
  if (caller.revoked_at !== null) throw new TautlineError("admission.certificate_revoked");
  return { agent, caller };
}

async function issue(
  deps: RenewDeps,
  trx: Writer,
  renewing: Renewing,
): Promise<Enrolled | Waiting> {
  const { authority, audit, now } = deps;
  const { agent, keys, counter } = renewing;
  const waiting = await waitWhereLate(deps, trx, renewing);
  if (waiting !== undefined) return waiting;
  const leaf = (purpose: "client" | "server") =>
    authority.issueAgentLeaf({
      namespace: agent.namespace,
      agentId: agent.id,
      publicKey: keys[purpose].publicKey,
      purpose,
    });
  const [client, server] = [leaf("client"), leaf("server")];
  const rows = [client, server].map((issued) => certificateRow(issued, counter));
  await trx.insertInto("certificates").values(rows).execute();
  await trx
    .updateTable("agents")
    .set({
      renewal_counter: counter,
      client_pin: keys.client.pin,
      server_pin: keys.server.pin,
      renewed_at: now(),
    })
    .where("id", "=", agent.id)
    .execute();
  const who = `agent:${agent.id}`;
  const detail = { number: counter, serial: rows[0]?.serial ?? "" };
  await audit.append(trx, { action: "agent.renewed", actor: who, subject: who, detail });
  return enrolledAs(renewing, client.certificate, server.certificate);
}

/** In time again, because the grace is longer now, it needs nobody's approval. */
async function waitWhereLate(
  deps: RenewDeps,
  trx: Writer,
  { agent, keys, late }: Renewing,
): Promise<Waiting | undefined> {
  const { id: agentId } = agent;
  if (late === undefined) {
    await dropApproval(trx, agentId);
    return undefined;
  }
  const { expiredAtMs, remoteAddress } = late;
  const request = { agentId, pins: pinsOf(keys), remoteAddress, expiredAtMs };
  return useApproval(deps, trx, { ...request, kind: "renewal", actor: `agent:${agentId}` });
}

async function repeat(
  deps: RenewDeps,
  trx: Writer,
  renewing: Renewing,
): Promise<Enrolled | Waiting> {
  const { agent, keys } = renewing;
  await refuseRevokedKeys(trx, [keys.client.pin, keys.server.pin]);
  const known = await recordedCertificates(trx, agent);
  const endsMs = Math.min(known.client.validToDate.getTime(), known.server.validToDate.getTime());
  // What has ended meanwhile is of no use to the agent, which asks with the keys that it has.
  if (endsMs <= deps.now()) return issue(deps, trx, renewing);
  return enrolledAs(renewing, known.client, known.server);
}

function enrolledAs(
  { agent, counter }: Renewing,
  clientCertificate: X509Certificate,
  serverCertificate: X509Certificate,
): Enrolled {
  const { id, name, namespace } = agent;
  const renewalCounter = BigInt(counter);
  return { agent: { id, name, namespace }, clientCertificate, serverCertificate, renewalCounter };
}

/** Written once for each copy, however often it asks. */
async function noteClone(
  { audit, now }: RenewDeps,
  trx: Writer,
  agent: AgentRow,
  asked: { readonly counter: bigint; readonly pin: string },
): Promise<void> {
  if (agent.clone_pin === asked.pin) return;
  const number = String(asked.counter);
  await trx
    .updateTable("agents")
    .set({ clone_suspected_at: now(), clone_counter: number, clone_pin: asked.pin })
    .where("id", "=", agent.id)
    .execute();
  const who = `agent:${agent.id}`;
  const detail = { number, newest: agent.renewal_counter };
  await audit.append(trx, { action: "agent.clone-suspected", actor: who, subject: who, detail });
}
