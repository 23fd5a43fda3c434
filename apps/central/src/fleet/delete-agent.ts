import { TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import { reserveKeys } from "../enrolment/known-keys.ts";
import type { AgentRow } from "../store/schema.ts";
import type { Store, Writer } from "../store/store.ts";
import { isClaimState } from "./claim-rule.ts";
import { endIdentity } from "./end-identity.ts";
import { requiredAgent } from "./required-agent.ts";

/** Which agent is to be forgotten. */
export interface DeleteOrder {
  readonly id: string;
  readonly actor: string;
  /** Whatever it is: it is revoked by the same transaction. */
  readonly force: boolean;
}

/** What forgetting an agent needs. */
export interface DeleteDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly now: () => number;
  readonly renewalGraceMs: number;
  /** Deletes what its links negotiated, in the same transaction. */
  readonly forgetHistory: (trx: Writer, id: string) => Promise<void>;
}

/**
 * Forgets an agent. What stays is what keeps it from coming back: its id, its keys, and its revoked certificates (A3, RS-27). Of one
 * that nobody proved to be nothing stays: anybody could claim an id first, and its owner could never join.
 *
 * @param deps store, trail, clock and grace
 * @param order which
 * @returns what it was
 * @throws api.not_found, fleet.delete_unconfirmed
 */
export async function deleteAgent(
  deps: DeleteDeps,
  order: DeleteOrder,
): Promise<Pick<AgentRow, "state">> {
  const { id, actor, force } = order;
  const atMs = deps.now();
  return deps.store.write(async (trx) => {
    const agent = await requiredAgent(trx, id);
    const { namespace, name, state } = agent;
    const isClaim = isClaimState(state);
    const endMs = await endOfCertificates(trx, id);
    if (!isClaim && !force && !isOver(agent, endMs, deps)) {
      throw new TautlineError("fleet.delete_unconfirmed", { detail: { id, state: agent.state } });
    }
    if (!isClaim) {
      await reserveKeys(trx, id, await keysOf(trx, agent));
      await endIdentity(trx, id, atMs);
    }
    await trx.deleteFrom("links").where("agent_id", "=", id).execute();
    await trx.deleteFrom("instructions").where("agent_id", "=", id).execute();
    // An id that was only claimed can be claimed anew: what was allowed to it goes with it.
    await trx.deleteFrom("forwards").where("agent_id", "=", id).execute();
    await trx.deleteFrom("program_names").where("agent_id", "=", id).execute();
    await trx.deleteFrom("policy_exceptions").where("agent_id", "=", id).execute();
    await trx.deleteFrom("plaintext_reopening_told").where("agent_id", "=", id).execute();
    await deps.forgetHistory(trx, id);
    await trx.deleteFrom("agents").where("id", "=", id).execute();
    if (!isClaim) {
      const remains = { id, namespace, name, deleted_at: atMs };
      await trx.insertInto("deleted_agents").values(remains).execute();
    }
    const detail = { name, namespace, ...(isClaim && { was: state }) };
    await deps.audit.append(trx, {
      action: "agent.deleted",
      actor,
      subject: `agent:${id}`,
      detail,
    });
    return { state };
  });
}

/** Nothing is cut off by forgetting it: it may do nothing any more, or could not come back without an operator. */
function isOver(
  { state }: AgentRow,
  certificatesEndMs: number | null,
  { now, renewalGraceMs }: DeleteDeps,
): boolean {
  if (state === "revoked" || state === "declined") return true;
  return certificatesEndMs !== null && now() - certificatesEndMs > renewalGraceMs;
}

async function endOfCertificates(trx: Writer, id: string): Promise<number | null> {
  const { end } = await trx
    .selectFrom("certificates")
    .select((eb) => eb.fn.max("not_after").as("end"))
    .where("agent_id", "=", id)
    .executeTakeFirstOrThrow();
  return end;
}

/** Every key it ever had a certificate for, those it was granted last, and those it asks for. */
async function keysOf(trx: Writer, agent: AgentRow): Promise<string[]> {
  const certified = await trx
    .selectFrom("certificates")
    .select("pin")
    .where((eb) => eb.or([eb("agent_id", "=", agent.id), eb("program_agent", "=", agent.id)]))
    .execute();
  const asked = await trx
    .selectFrom("approvals")
    .select(["client_pin", "server_pin"])
    .where("agent_id", "=", agent.id)
    .execute();
  const pairs = [agent, ...asked].flatMap(({ client_pin, server_pin }) => [client_pin, server_pin]);
  return [...certified.map(({ pin }) => pin), ...pairs];
}
