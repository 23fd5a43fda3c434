import { isSamePolicy, type LinkPolicy, OPEN_POLICY, TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import { requiredAgent } from "../fleet/required-agent.ts";
import { requireNamespace } from "../keys/new-key-rule.ts";
import type { Writer } from "../store/store.ts";
import type { PolicyKind } from "./policy-kind.ts";
import { type PolicyException, type PolicyPlace, policyOfRow, rowOfPolicy } from "./policy-rows.ts";

/** What shall be asked of links. */
export interface PolicyOrder extends PolicyPlace {
  /** Undefined takes it away: whatever a listener hears is good enough again. */
  readonly policy: LinkPolicy | undefined;
  readonly actor: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

/** An exception that shall be; it belongs to the namespace of its agent. */
export interface ExceptionOrder extends Omit<PolicyException, "namespace"> {
  /** `central` where it is not said. */
  readonly actor?: string | undefined;
}

/** Which exception shall end. */
export interface EndedException {
  readonly agentId: string;
  readonly kind: PolicyKind;
  /** `central` where it is not said. */
  readonly actor?: string | undefined;
}

/**
 * Policies and exceptions on the disk. Everything is part of a transaction of the caller's, with its audit entry, so that several
 * changes are one; the book is told afterwards (`Policies.change`).
 */
export interface PolicyStore {
  /**
   * Sets a policy, or takes it away; what is so already is neither written nor audited.
   *
   * @throws api.not_found for an unknown namespace, api.invalid for a policy that accepts nothing
   */
  setPolicy(trx: Writer, order: PolicyOrder): Promise<void>;
  /**
   * Excepts an agent, in place of an exception that it has of the same kind.
   *
   * @throws api.not_found, api.conflict for an agent that is not let in at all
   */
  addException(trx: Writer, order: ExceptionOrder): Promise<void>;
  /** Ends an exception; tells whether there was one. */
  removeException(trx: Writer, ended: EndedException): Promise<boolean>;
}

/**
 * Opens the store of policies.
 *
 * @param audit the trail
 */
export function createPolicyStore(audit: Pick<AuditLog, "append">): PolicyStore {
  return {
    setPolicy: (trx, order) => setPolicy(audit, trx, order),
    addException: (trx, order) => addException(audit, trx, order),
    removeException: (trx, ended) => removeException(audit, trx, ended),
  };
}

async function setPolicy(
  audit: Pick<AuditLog, "append">,
  trx: Writer,
  { namespace, kind, policy, actor, atMs }: PolicyOrder,
): Promise<void> {
  await requireNamespace(trx, namespace);
  if (policy?.accept.length === 0) {
    const reason = "a policy that accepts no level would end every link";
    throw new TautlineError("api.invalid", { detail: { path: "accept", reason } });
  }
  const row = await trx
    .selectFrom("link_policies")
    .selectAll()
    .where("namespace", "=", namespace)
    .where("kind", "=", kind)
    .executeTakeFirst();
  const before = row && policyOfRow(row)?.policy;
  const isSame =
    policy === undefined || before === undefined ? policy === before : isSamePolicy(policy, before);
  if (isSame) return;
  await trx
    .deleteFrom("link_policies")
    .where("namespace", "=", namespace)
    .where("kind", "=", kind)
    .execute();
  if (policy !== undefined) {
    const set = { namespace, kind, policy, changedMs: atMs, changedBy: actor };
    await trx.insertInto("link_policies").values(rowOfPolicy(set)).execute();
  }
  const { accept, clientProof, postQuantum, loopback } = policy ?? OPEN_POLICY;
  const detail = { accept: accept.join(", "), clientProof, postQuantum, loopback };
  await audit.append(trx, {
    action: "policy.changed",
    actor,
    subject: `policy:${namespace}/${kind}`,
    detail: { ...detail, before: (before ?? OPEN_POLICY).accept.join(", ") },
  });
}

async function addException(
  audit: Pick<AuditLog, "append">,
  trx: Writer,
  { agentId, kind, level, reason, changeId, sinceMs, actor = "central" }: ExceptionOrder,
): Promise<void> {
  const { namespace, state } = await requiredAgent(trx, agentId);
  if (state === "revoked" || state === "declined") {
    const why = `Agent ${agentId} is ${state}: no exception lets it in`;
    throw new TautlineError("api.conflict", { detail: { reason: why, noun: "policy" } });
  }
  await deleteException(trx, { agentId, kind });
  const place = { agent_id: agentId, kind, namespace };
  await trx
    .insertInto("policy_exceptions")
    .values({ ...place, level, reason, change_id: changeId, since: sinceMs })
    .execute();
  await audit.append(trx, {
    action: "policy.exception-added",
    actor,
    subject: `agent:${agentId}`,
    detail: { namespace, kind, level, reason, ...(changeId !== null && { change: changeId }) },
  });
}

async function removeException(
  audit: Pick<AuditLog, "append">,
  trx: Writer,
  { agentId, kind, actor = "central" }: EndedException,
): Promise<boolean> {
  const was = await trx
    .selectFrom("policy_exceptions")
    .selectAll()
    .where("agent_id", "=", agentId)
    .where("kind", "=", kind)
    .executeTakeFirst();
  if (was === undefined) return false;
  await deleteException(trx, { agentId, kind });
  const { namespace, level, change_id: changeId } = was;
  await audit.append(trx, {
    action: "policy.exception-ended",
    actor,
    subject: `agent:${agentId}`,
    detail: { namespace, kind, level, ...(changeId !== null && { change: changeId }) },
  });
  return true;
}

async function deleteException(
  trx: Writer,
  { agentId, kind }: Pick<EndedException, "agentId" | "kind">,
): Promise<void> {
  await trx
    .deleteFrom("policy_exceptions")
    .where("agent_id", "=", agentId)
    .where("kind", "=", kind)
    .execute();
}
