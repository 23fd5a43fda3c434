import { isSameCode } from "@tautline/pki";
import { TautlineError } from "@tautline/protocol";
import type { AuditEvent } from "../audit/audit-event.ts";
import { approvalOf, codeOf } from "../enrolment/approvals.ts";
import type { AgentRow, ApprovalRow } from "../store/schema.ts";
import type { Writer } from "../store/store.ts";
import { type DeleteDeps, type DeleteOrder, deleteAgent } from "./delete-agent.ts";
import { endIdentity } from "./end-identity.ts";
import { type ReplaceOrder, replaceAgent } from "./replace-agent.ts";
import { claimEnded } from "./claim-store.ts";
import { isClaimState } from "./claim-rule.ts";
import { promoteAgent } from "./promote-agent.ts";
import { refuseClaim, requiredAgent } from "./required-agent.ts";

/** What operators, and an agent itself, decide of an agent's life. Each verb is one transaction with its audit entry inside. */
export interface AgentLife {
  /**
   * Lets a candidate have what it asks for; it comes for it by itself. A decline is taken back by it.
   *
   * @param code what the operator compared; left out, nothing is compared
   * @throws api.not_found, fleet.no_identity, enrolment.not_waiting, enrolment.code_mismatch, enrolment.token_revoked
   */
  approve(id: string, actor: string, code?: string): Promise<void>;
  /** @throws api.not_found, fleet.no_identity, enrolment.not_waiting */
  decline(id: string, actor: string): Promise<void>;
  /**
   * Keeps an agent out, with its record and its certificates; its links are closed.
   *
   * @throws api.not_found, fleet.no_identity, fleet.not_possible
   */
  quarantine(id: string, actor: string): Promise<void>;
  /**
   * Says that an operator looked: ends a quarantine, and the suspicion that the agent exists twice (F25).
   *
   * @throws api.not_found, fleet.no_identity, fleet.not_possible
   */
  release(id: string, actor: string): Promise<void>;
  /**
   * Forgets an agent but for its id and its keys, which are never taken again (A3). One without an identity has none, and may come again.
   *
   * @throws api.not_found, fleet.delete_unconfirmed
   */
  delete(order: DeleteOrder): Promise<void>;
  /**
   * Gives an agent's place to another one, and revokes it.
   *
   * @throws api.not_found, fleet.cannot_replace
   */
  replace(order: ReplaceOrder): Promise<void>;
  /**
   * Has an agent without an identity told where it can join: on its live link, and on every later one.
   *
   * @throws api.not_found, fleet.has_identity
   */
  promote(id: string, actor: string): Promise<void>;
  /** The agent itself says that it goes: it is revoked. */
  leave(id: string): Promise<void>;
}

/** What deciding needs. */
export interface AgentLifeDeps extends DeleteDeps {
  /** Ends every live link of an agent; called when the reason is on the disk. */
  readonly endLinks: (id: string, reason: TautlineError) => void;
  /** Has an agent's live links tell it what there is to tell. Never throws. */
  readonly tellAgent: (id: string) => void;
}

/**
 * Makes the verbs of agents' lives.
 *
 * @param deps store, trail, clock, grace, and the way to end links
 */
export function createAgentLife(deps: AgentLifeDeps): AgentLife {
  const revokedNow = (id: string): void =>
    deps.endLinks(id, new TautlineError("admission.agent_revoked", { detail: { id } }));
  return {
    approve: (id, actor, code) => approve(deps, id, actor, code),
    decline: async (id, actor) => {
      await decline(deps, id, actor);
      deps.endLinks(id, new TautlineError("enrolment.declined", { detail: { id } }));
    },
    quarantine: async (id, actor) => {
      await quarantine(deps, id, actor);
      deps.endLinks(id, new TautlineError("admission.agent_quarantined", { detail: { id } }));
    },
    release: (id, actor) => release(deps, id, actor),
    delete: async (order) => {
      const { id } = order;
      const { state } = await deleteAgent(deps, order);
      const reason = isClaimState(state)
        ? claimEnded(id, "an operator removed it, and it may come again")
        : new TautlineError("admission.agent_unknown", { detail: { id } });
      deps.endLinks(id, reason);
    },
    replace: async (order) => {
      await replaceAgent(deps, order);
      revokedNow(order.old);
    },
    promote: async (id, actor) => {
      await promoteAgent(deps, id, actor);
      deps.tellAgent(id);
    },
    leave: (id) => leave(deps, id),
  };
}

async function approve(
  { store, audit, now }: AgentLifeDeps,
  id: string,
  actor: string,
  code: string | undefined,
): Promise<void> {
  await store.write(async (trx) => {
    const { agent, approval } = await waiting(trx, id);
    const own = codeOf({ client: approval.client_pin, server: approval.server_pin });
    if (code !== undefined && !isSameCode(own, code)) {
      throw new TautlineError("enrolment.code_mismatch", { detail: { id, given: code } });
    }
    if (approval.decision === "approved") return;
    if (approval.kind === "join") await requireToken(trx, agent.token_id);
    const decided = { decision: "approved", decided_at: now(), decided_by: actor } as const;
    await trx.updateTable("approvals").set(decided).where("agent_id", "=", id).execute();
    const state = approval.kind === "join" ? "joining" : "active";
    await trx.updateTable("agents").set({ state }).where("id", "=", id).execute();
    const detail = { kind: approval.kind, code: own };
    await audit.append(trx, { action: "agent.approved", actor, subject: `agent:${id}`, detail });
  });
}

async function decline(
  { store, audit, now }: AgentLifeDeps,
  id: string,
  actor: string,
): Promise<void> {
  await store.write(async (trx) => {
    const { approval } = await waiting(trx, id);
    if (approval.decision === "declined") return;
    const decided = { decision: "declined", decided_at: now(), decided_by: actor } as const;
    await trx.updateTable("approvals").set(decided).where("agent_id", "=", id).execute();
    await trx.updateTable("agents").set({ state: "declined" }).where("id", "=", id).execute();
    const detail = { kind: approval.kind };
    await audit.append(trx, { action: "agent.declined", actor, subject: `agent:${id}`, detail });
  });
}

/** A candidate whose request was recorded and not yet granted; quarantine and revocation come before it. */
async function waiting(
  trx: Writer,
  id: string,
): Promise<{ readonly agent: AgentRow; readonly approval: ApprovalRow }> {
  const agent = await requiredAgent(trx, id);
  refuseClaim(agent, "approved or declined");
  const approval = await approvalOf(trx, id);
  if (approval !== undefined && agent.state !== "quarantined" && agent.state !== "revoked") {
    return { agent, approval };
  }
  throw new TautlineError("enrolment.not_waiting", { detail: { id, state: agent.state } });
}

/** A candidate comes for its certificates with its token: with that revoked the approval would be good for nothing. */
async function requireToken(trx: Writer, tokenId: string): Promise<void> {
  const token = await trx
    .selectFrom("tokens")
    .select("revoked_at")
    .where("id", "=", tokenId)
    .executeTakeFirst();
  if (token?.revoked_at !== null) throw new TautlineError("enrolment.token_revoked");
}

async function quarantine(
  { store, audit, now }: AgentLifeDeps,
  id: string,
  actor: string,
): Promise<void> {
  await store.write(async (trx) => {
    const { state } = await requiredAgent(trx, id);
    refuseClaim({ id, state }, "quarantined");
    if (state === "quarantined") return;
    if (state !== "active" && state !== "joining") throw notPossible(id, state, "quarantined");
    const values = {
      state: "quarantined",
      quarantined_at: now(),
      quarantined_from: state,
    } as const;
    await trx.updateTable("agents").set(values).where("id", "=", id).execute();
    await audit.append(trx, { action: "agent.quarantined", actor, subject: `agent:${id}` });
  });
}

async function release({ store, audit }: AgentLifeDeps, id: string, actor: string): Promise<void> {
  await store.write(async (trx) => {
    const agent = await requiredAgent(trx, id);
    refuseClaim(agent, "released");
    const { state, quarantined_from, clone_suspected_at } = agent;
    if (state !== "active" && state !== "joining" && state !== "quarantined") {
      throw notPossible(id, state, "released");
    }
    const isQuarantined = state === "quarantined";
    if (!isQuarantined && clone_suspected_at === null) return;
    const suspicion = { clone_suspected_at: null, clone_counter: null, clone_pin: null };
    const back = isQuarantined
      ? { state: quarantined_from ?? "joining", quarantined_at: null, quarantined_from: null }
      : {};
    await trx
      .updateTable("agents")
      .set({ ...suspicion, ...back })
      .where("id", "=", id)
      .execute();
    const detail = releasedFrom(isQuarantined, clone_suspected_at !== null);
    await audit.append(trx, { action: "agent.released", actor, subject: `agent:${id}`, detail });
  });
}

function releasedFrom(
  isQuarantined: boolean,
  isSuspected: boolean,
): NonNullable<AuditEvent["detail"]> {
  const reasons = [isQuarantined ? "quarantine" : "", isSuspected ? "suspicion of a copy" : ""];
  return { from: reasons.filter(Boolean).join(" and ") };
}

async function leave({ store, audit, now }: AgentLifeDeps, id: string): Promise<void> {
  await store.write(async (trx) => {
    const { state } = await requiredAgent(trx, id);
    if (state === "revoked") return;
    await endIdentity(trx, id, now());
    const who = `agent:${id}`;
    await audit.append(trx, { action: "agent.left", actor: who, subject: who });
  });
}

function notPossible(id: string, state: string, done: string): TautlineError {
  return new TautlineError("fleet.not_possible", { detail: { id, state, done } });
}
