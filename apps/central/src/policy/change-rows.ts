import { LEVELS, type LinkPolicy, TautlineError } from "@tautline/protocol";
import type { Selectable } from "kysely";
import { z } from "zod";
import { LISTENER_BINDS, SECURE_LEVELS } from "../listeners/listener-settings.ts";
import type { PolicyChangeAgentTable, PolicyChangeTable } from "../store/policy-change-tables.ts";
import type { ChangeAgent, ChangePlace, PolicyChange } from "./change.ts";
import { VERDICTS } from "./plan.ts";
import { POLICY_KINDS } from "./policy-kind.ts";
import type { ChangeCounts } from "./watch-rule.ts";

/** A change as it is read. */
export type ChangeRow = Selectable<PolicyChangeTable>;
/** An agent of a change, as it is read and written. */
export type ChangeAgentRow = Selectable<PolicyChangeAgentTable>;

const level = z.enum(LEVELS);
const kind = z.enum(POLICY_KINDS);
const policy: z.ZodType<LinkPolicy> = z.strictObject({
  accept: z.array(level).min(1),
  clientProof: z.enum(["none", "require"]),
  postQuantum: z.enum(["prefer", "require"]),
  loopback: z.enum(["keep", "off"]),
});
const place = z.strictObject({ namespace: z.string(), kind, before: policy.nullable() });
const heard = z.strictObject({
  secure: z.array(z.enum(SECURE_LEVELS)),
  plaintext: z.enum(LISTENER_BINDS),
  isShared: z.boolean(),
});
const count = z.int().nonnegative();
const totals = z.strictObject({ stays: count, moves: count, unknown: count, "cut off": count });
const counts: z.ZodType<ChangeCounts> = z.strictObject({
  watched: count,
  moving: count,
  met: count,
  excepted: count,
  lost: count,
  missing: count,
});
/** Of most agents. */
const NONE = "[]";
const lacking = z.array(z.strictObject({ kind, level }));

/**
 * Reads a change from its row.
 *
 * @param row as it is stored
 * @throws store.damaged for one that this program cannot have written
 */
export function changeOf(row: ChangeRow): PolicyChange {
  return {
    id: row.id,
    namespace: row.namespace === "" ? undefined : row.namespace,
    kinds: parse(z.array(kind).min(1), row.kinds_json),
    policy: parse(policy, row.policy_json),
    places: parse(z.array(place), row.places_json).map(placeOf),
    step: row.step,
    reason: row.reason,
    undoneBy: row.undone_by,
    spentMs: row.spent_ms,
    windowMs: row.window_ms,
    undoIf: row.undo_if,
    mayUndo: row.may_undo === 1,
    actor: row.started_by,
    startedMs: row.started_at,
    stepMs: row.step_at,
    endedMs: row.ended_at,
    totals: parse(totals, row.totals_json),
    heardBefore: row.heard_before_json === null ? null : parse(heard, row.heard_before_json),
    heardAfter: row.heard_after_json === null ? null : parse(heard, row.heard_after_json),
    isSettled: row.settled === 1,
  };
}

function placeOf({ namespace, kind: of, before }: z.output<typeof place>): ChangePlace {
  return { namespace, kind: of, before: before ?? undefined };
}

/**
 * Writes a change as its row; what became of its agents is not in it.
 *
 * @param change a change
 */
export function rowOf(change: PolicyChange): Omit<ChangeRow, "counts_json"> {
  const places = change.places.map((each) => ({ ...each, before: each.before ?? null }));
  const { heardBefore, heardAfter } = change;
  return {
    id: change.id,
    namespace: change.namespace ?? "",
    kinds_json: JSON.stringify(change.kinds),
    policy_json: JSON.stringify(change.policy),
    places_json: JSON.stringify(places),
    step: change.step,
    reason: change.reason,
    undone_by: change.undoneBy,
    spent_ms: Math.floor(change.spentMs),
    window_ms: change.windowMs,
    undo_if: change.undoIf,
    may_undo: Number(change.mayUndo),
    started_by: change.actor,
    started_at: change.startedMs,
    step_at: change.stepMs,
    ended_at: change.endedMs,
    totals_json: JSON.stringify(change.totals),
    heard_before_json: heardBefore === null ? null : JSON.stringify(heardBefore),
    heard_after_json: heardAfter === null ? null : JSON.stringify(heardAfter),
    settled: Number(change.isSettled),
  };
}

/**
 * Reads an agent of a change from its row; how long it has been missing begins anew.
 *
 * @param row as it is stored
 * @throws store.damaged
 */
export function changeAgentOf(row: ChangeAgentRow): ChangeAgent {
  return {
    id: row.agent_id,
    namespace: row.namespace,
    verdict: parseWord(VERDICTS, row.verdict),
    isWatched: row.watched === 1,
    moveTo: row.move_to === null ? null : parseWord(LEVELS, row.move_to),
    lacking: row.lacking_json === NONE ? [] : parse(lacking, row.lacking_json),
    hasMet: row.met === 1,
    isExcepted: row.excepted === 1,
    isLost: row.lost === 1,
    isEnded: row.ended === 1,
    code: row.code,
    missingMs: 0,
  };
}

/**
 * Writes an agent of a change as its row.
 *
 * @param changeId of which change
 * @param agent the agent
 */
export function agentRowOf(changeId: number, agent: ChangeAgent): ChangeAgentRow {
  return {
    change_id: changeId,
    agent_id: agent.id,
    namespace: agent.namespace,
    verdict: agent.verdict,
    watched: Number(agent.isWatched),
    move_to: agent.moveTo,
    lacking_json: JSON.stringify(agent.lacking),
    met: Number(agent.hasMet),
    excepted: Number(agent.isExcepted),
    lost: Number(agent.isLost),
    ended: Number(agent.isEnded),
    code: agent.code,
  };
}

/**
 * Reads what became of the agents of a change.
 *
 * @param text as it is stored; null while it is under way
 * @throws store.damaged
 */
export function countsOf(text: string | null): ChangeCounts | undefined {
  return text === null ? undefined : parse(counts, text);
}

function parse<T>(schema: z.ZodType<T>, text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged(cause);
  }
  const { success, data, error } = schema.safeParse(value);
  if (!success) throw damaged(error);
  return data;
}

function parseWord<const T extends string>(words: readonly T[], text: string): T {
  const found = words.find((word) => word === text);
  if (found === undefined) throw damaged(undefined);
  return found;
}

function damaged(cause: unknown): TautlineError {
  const reason = "a change of policy cannot be read";
  return new TautlineError("store.damaged", { cause, detail: { file: "central.db", reason } });
}
