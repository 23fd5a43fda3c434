import type { X509Certificate } from "node:crypto";
import { type EnrolmentRequest, LIMITS, parseAgentName, TautlineError } from "@tautline/protocol";
import { readCsr } from "@tautline/pki";
import type { AuditLog } from "../audit/audit-log.ts";
import type { CertificateAuthority } from "../authority/authority.ts";
import { certificateRow, certificatesOf } from "../authority/certificate-store.ts";
import type { AgentRow, TokenRow } from "../store/schema.ts";
import type { Store, Writer } from "../store/store.ts";
import { refuseRevokedKeys } from "./revoked-keys.ts";
import type { TokenStore } from "./token-store.ts";

/** What an agent asks for: its own id, the public keys of its two leaves, a name for people. */
export interface JoinRequest extends EnrolmentRequest {
  readonly agentId: string;
  readonly clientCsrPem: string;
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
}

/**
 * Gives an agent its identity: one transaction judges the token, records agent, certificates and token use, and audits.
 *
 * Asked again with the same token, id and keys it gives the same certificates and takes no use, so that an agent
 * which crashed before it could keep them asks again (F3).
 *
 * @param deps central's parts
 * @param token the token whose secret the caller has proven
 * @param request what the agent asks for
 * @throws value.agent_name, pki.csr_*, enrolment.request_malformed, enrolment.token_revoked, enrolment.token_expired,
 *   enrolment.token_used_up, enrolment.id_taken, enrolment.key_taken, admission.agent_revoked
 */
export async function enrol(
  deps: EnrolDeps,
  token: TokenRow,
  request: JoinRequest,
): Promise<Enrolled> {
  const { agentId } = request;
  const name = parseAgentName(request.name);
  const client = readCsr(request.clientCsrPem, { agentId });
  const server = readCsr(request.serverCsrPem, { agentId });
  if (client.pin.equals(server.pin)) {
    throw new TautlineError("enrolment.request_malformed", {
      detail: { reason: "both requests use one key" },
    });
  }
  const pins = { client: client.pin.toString("hex"), server: server.pin.toString("hex") };
  return deps.store.write(async (trx) => {
    const known = await trx
      .selectFrom("agents")
      .selectAll()
      .where("id", "=", agentId)
      .executeTakeFirst();
    if (known !== undefined) return repeatAnswer(trx, known, token, pins);
    await refuseKnownKeys(trx, pins);
    await deps.tokens.takeUse(trx, token.id);
    const place = { namespace: token.namespace, agentId };
    const forClient = deps.authority.issueAgentLeaf({
      ...place,
      publicKey: client.publicKey,
      purpose: "client",
    });
    const forServer = deps.authority.issueAgentLeaf({
      ...place,
      publicKey: server.publicKey,
      purpose: "server",
    });
    const agent = { id: agentId, name, namespace: token.namespace };
    await recordAgent(trx, deps, { agent, token, pins, version: request.agentVersion });
    const rows = [certificateRow(forClient), certificateRow(forServer)];
    await trx.insertInto("certificates").values(rows).execute();
    return {
      agent,
      clientCertificate: forClient.certificate,
      serverCertificate: forServer.certificate,
    };
  });
}

interface Pins {
  readonly client: string;
  readonly server: string;
}

/** The same request once more is the same identity; the same id with other keys is somebody else (A3). */
async function repeatAnswer(
  trx: Writer,
  known: AgentRow,
  token: TokenRow,
  pins: Pins,
): Promise<Enrolled> {
  const same =
    known.token_id === token.id &&
    known.client_pin === pins.client &&
    known.server_pin === pins.server;
  if (!same) throw new TautlineError("enrolment.id_taken", { detail: { id: known.id } });
  if (known.state === "revoked") {
    throw new TautlineError("admission.agent_revoked", { detail: { id: known.id } });
  }
  if (token.revoked_at !== null) throw new TautlineError("enrolment.token_revoked");
  await refuseRevokedKeys(trx, [pins.client, pins.server]);
  const { client, server } = await certificatesOf(trx, known.id);
  const agent = { id: known.id, name: known.name, namespace: known.namespace };
  return { agent, clientCertificate: client, serverCertificate: server };
}

/** A key belongs to one agent: that of a revoked agent, or of a copied disk, must not come back under another id (A17). */
async function refuseKnownKeys(trx: Writer, pins: Pins): Promise<void> {
  const certified = await trx
    .selectFrom("certificates")
    .select("serial")
    .where("pin", "in", [pins.client, pins.server])
    .limit(1)
    .executeTakeFirst();
  if (certified !== undefined) throw new TautlineError("enrolment.key_taken");
}

interface NewAgent {
  readonly agent: Enrolled["agent"];
  readonly token: TokenRow;
  readonly pins: Pins;
  readonly version: string;
}

async function recordAgent(
  trx: Writer,
  deps: EnrolDeps,
  { agent, token, pins, version }: NewAgent,
): Promise<void> {
  await trx
    .insertInto("agents")
    .values({
      ...agent,
      state: "joining",
      joined_at: deps.now(),
      token_id: token.id,
      client_pin: pins.client,
      server_pin: pins.server,
      version: version.slice(0, LIMITS.agentNameCharacters.value),
      attributes: "{}",
      config_status: "unset",
      config_error: "",
      instruction_seq: 0,
    })
    .execute();
  await deps.audit.append(trx, {
    action: "agent.joined",
    actor: `token:${token.id}`,
    subject: `agent:${agent.id}`,
    detail: { name: agent.name, namespace: agent.namespace },
  });
}
