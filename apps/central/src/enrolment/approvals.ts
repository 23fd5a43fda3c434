import { approvalCode } from "@tautline/pki";
import { TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import { askAgainAfter } from "../fleet/life-rule.ts";
import type { ApprovalRow } from "../store/schema.ts";
import type { Writer } from "../store/store.ts";

/** The two keys of an identity: SHA-256 of their SPKIs, lower-case hex. */
export interface KeyPins {
  readonly client: string;
  readonly server: string;
}

/** A request that an operator is to decide. */
export interface ApprovalRequest {
  readonly agentId: string;
  readonly kind: ApprovalRow["kind"];
  readonly pins: KeyPins;
  readonly remoteAddress: string;
  /** For a renewal, when the certificate ended by whose key it is asked for. */
  readonly expiredAtMs?: number;
  /** Who is written down as having asked. */
  readonly actor: string;
}

/** What keeping requests needs. */
export interface ApprovalDeps {
  readonly audit: AuditLog;
  readonly now: () => number;
}

/** That a request waits; `sinceMs` is when it was first made. */
export interface Waiting {
  readonly waitingSinceMs: number;
}

/**
 * Looks whether an operator approved certificates for exactly these keys, and records the request where none is recorded. A request
 * with other keys takes the place of the recorded one, and what was decided of that one says nothing of it.
 *
 * @param deps trail and clock
 * @param trx the transaction that would issue
 * @param request what is asked for
 * @returns undefined if it is approved: the approval is used up, and the caller issues in the same transaction
 */
export async function useApproval(
  deps: ApprovalDeps,
  trx: Writer,
  request: ApprovalRequest,
): Promise<Waiting | undefined> {
  const known = await approvalOf(trx, request.agentId);
  if (known === undefined || !isFor(known, request)) return recordRequest(deps, trx, request);
  if (known.decision !== "approved") return { waitingSinceMs: known.requested_at };
  await dropApproval(trx, request.agentId);
  return undefined;
}

/**
 * Records a request, in place of whatever the agent asked before, and audits it.
 *
 * @param deps trail and clock
 * @param trx a transaction
 * @param request what is asked for
 */
export async function recordRequest(
  { audit, now }: ApprovalDeps,
  trx: Writer,
  { agentId, kind, pins, remoteAddress, expiredAtMs, actor }: ApprovalRequest,
): Promise<Waiting> {
  const requestedAt = now();
  await dropApproval(trx, agentId);
  await trx
    .insertInto("approvals")
    .values({
      agent_id: agentId,
      kind,
      client_pin: pins.client,
      server_pin: pins.server,
      remote_address: remoteAddress,
      requested_at: requestedAt,
      expired_at: expiredAtMs ?? null,
    })
    .execute();
  const detail = { kind, code: codeOf(pins), from: remoteAddress };
  await audit.append(trx, { action: "agent.pending", actor, subject: `agent:${agentId}`, detail });
  return { waitingSinceMs: requestedAt };
}

/**
 * Reads what an agent asked for and what was decided.
 *
 * @param trx a transaction
 * @param agentId the agent
 */
export function approvalOf(trx: Writer, agentId: string): Promise<ApprovalRow | undefined> {
  return trx.selectFrom("approvals").selectAll().where("agent_id", "=", agentId).executeTakeFirst();
}

/**
 * Forgets what an agent asked for.
 *
 * @param trx a transaction
 * @param agentId the agent
 */
export async function dropApproval(trx: Writer, agentId: string): Promise<void> {
  await trx.deleteFrom("approvals").where("agent_id", "=", agentId).execute();
}

/**
 * The code that host and operator compare.
 *
 * @param pins of both keys
 */
export function codeOf({ client, server }: KeyPins): string {
  return approvalCode(Buffer.from(client, "hex"), Buffer.from(server, "hex"));
}

/**
 * What a candidate is told while it waits.
 *
 * @param request whose, and its keys
 * @param sinceMs when it was first made, milliseconds since the epoch
 * @param nowMs the same
 * @returns enrolment.approval_pending with detail {id, code, retryAfterSeconds}
 */
export function approvalPending(
  { agentId: id, pins }: Pick<ApprovalRequest, "agentId" | "pins">,
  { waitingSinceMs }: Waiting,
  nowMs: number,
): TautlineError {
  const retryAfterSeconds = askAgainAfter(waitingSinceMs, nowMs);
  return new TautlineError("enrolment.approval_pending", {
    detail: { id, code: codeOf(pins), retryAfterSeconds },
  });
}

function isFor(known: ApprovalRow, { kind, pins }: ApprovalRequest): boolean {
  return (
    known.kind === kind && known.client_pin === pins.client && known.server_pin === pins.server
  );
}
