import { TautlineError } from "@tautline/protocol";
import type { Reader, Store, Writer } from "../store/store.ts";
import type { ChangeAgent, PolicyChange } from "./change.ts";
import {
  agentRowOf,
  changeAgentOf,
  type ChangeRow,
  changeOf,
  countsOf,
  rowOf,
} from "./change-rows.ts";
import type { ChangeCounts } from "./watch-rule.ts";

/** A change that begins. */
export type NewChange = Omit<PolicyChange, "id">;

/** A change, and what has become of its agents so far. */
export interface CountedChange {
  readonly change: PolicyChange;
  readonly counts: ChangeCounts;
}

/** A change as it is kept, to be gone on with. */
export interface KeptChange {
  readonly change: PolicyChange;
  /** What had become of its agents when it was done; undefined for one that was not yet. */
  readonly counts: ChangeCounts | undefined;
}

/** Rows of a statement: SQLite takes 32,766 values at once. */
const BATCH = 500;

/**
 * Records a change with its agents, in the transaction that begins it.
 *
 * @param trx a transaction
 * @param change as it begins
 * @param agents whom it has to do with
 * @returns the change with its number
 * @throws policy.change_running where another one is under way in one of its namespaces
 */
export async function insertChange(
  trx: Writer,
  change: NewChange,
  agents: readonly ChangeAgent[],
): Promise<PolicyChange> {
  await requireAlone(trx, change);
  const { id: _, ...row } = rowOf({ ...change, id: 0 });
  const { id } = await trx
    .insertInto("policy_changes")
    .values(row)
    .returning("id")
    .executeTakeFirstOrThrow();
  for (let at = 0; at < agents.length; at += BATCH) {
    const rows = agents.slice(at, at + BATCH).map((agent) => agentRowOf(id, agent));
    await trx.insertInto("policy_change_agents").values(rows).execute();
  }
  return { ...change, id };
}

async function requireAlone(trx: Writer, { namespace }: NewChange): Promise<void> {
  const rows = await trx
    .selectFrom("policy_changes")
    .select(["id", "namespace", "step"])
    .where("step", "not in", ["done", "undone"])
    .orderBy("id")
    .execute();
  const rival = rows.find(
    (row) => row.namespace === "" || namespace === undefined || row.namespace === namespace,
  );
  if (rival === undefined) return;
  const detail = { id: rival.id, step: rival.step, where: spokenScope(rival.namespace) };
  throw new TautlineError("policy.change_running", { detail });
}

/**
 * Names for people where a change holds.
 *
 * @param namespace as it is stored: empty for all
 */
export function spokenScope(namespace: string | undefined): string {
  return namespace === undefined || namespace === "" ? "all namespaces" : `namespace ${namespace}`;
}

/**
 * Keeps where a change is, in the transaction that takes it there.
 *
 * @param trx a transaction
 * @param change as it is from now on
 * @param counts what has become of its agents, where that shall be kept: they are forgotten then
 */
export async function saveChange(
  trx: Writer,
  change: PolicyChange,
  counts?: ChangeCounts,
): Promise<void> {
  const { id, ...row } = rowOf(change);
  await trx
    .updateTable("policy_changes")
    .set({ ...row, ...(counts !== undefined && { counts_json: JSON.stringify(counts) }) })
    .where("id", "=", id)
    .execute();
}

/**
 * Keeps what has become of some agents.
 *
 * @param trx a transaction
 * @param changeId of which change
 * @param agents as they are now
 */
export async function saveAgents(
  trx: Writer,
  changeId: number,
  agents: readonly ChangeAgent[],
): Promise<void> {
  // Most of a fleet arrives together, and all that came to the same is one statement.
  const alike = Map.groupBy(agents, ({ hasMet, isExcepted, isLost, isEnded, code }) =>
    JSON.stringify([hasMet, isExcepted, isLost, isEnded, code]),
  );
  for (const group of alike.values()) {
    for (let at = 0; at < group.length; at += BATCH) await saveAlike(trx, changeId, group, at);
  }
}

async function saveAlike(
  trx: Writer,
  changeId: number,
  group: readonly ChangeAgent[],
  from: number,
): Promise<void> {
  const [first, ...others] = group.slice(from, from + BATCH);
  if (first === undefined) return;
  const { met, excepted, lost, ended, code } = agentRowOf(changeId, first);
  const ids = [first, ...others].map(({ id }) => id);
  await trx
    .updateTable("policy_change_agents")
    .set({ met, excepted, lost, ended, code })
    .where("change_id", "=", changeId)
    .where("agent_id", "in", ids)
    .execute();
}

/**
 * Forgets the agents of an ended change of whom there is nothing to tell.
 *
 * @param trx a transaction
 * @param changeId of which change
 */
export async function pruneAgents(trx: Writer, changeId: number): Promise<void> {
  await trx
    .deleteFrom("policy_change_agents")
    .where("change_id", "=", changeId)
    .where("watched", "=", 1)
    .where("excepted", "=", 0)
    .where("lost", "=", 0)
    .execute();
}

/**
 * Reads the changes on which something is left to do.
 *
 * @param store central's database
 */
export async function readUnsettled(store: Store): Promise<readonly KeptChange[]> {
  const rows = await store.read((db) =>
    db.selectFrom("policy_changes").selectAll().where("settled", "=", 0).orderBy("id").execute(),
  );
  return rows.map(keptOf);
}

function keptOf(row: ChangeRow): KeptChange {
  return { change: changeOf(row), counts: countsOf(row.counts_json) };
}

/**
 * Reads the changes there were, the newest first.
 *
 * @param store central's database
 * @param limit at most so many
 */
export async function listChanges(store: Store, limit: number): Promise<readonly KeptChange[]> {
  const rows = await store.read((db) =>
    db.selectFrom("policy_changes").selectAll().orderBy("id", "desc").limit(limit).execute(),
  );
  return rows.map(keptOf);
}

/**
 * Reads one change.
 *
 * @param store central's database
 * @param id its number
 * @throws api.not_found
 */
export async function readChange(store: Store, id: number): Promise<KeptChange> {
  const row = await store.read((db) =>
    db.selectFrom("policy_changes").selectAll().where("id", "=", id).executeTakeFirst(),
  );
  if (row !== undefined) return keptOf(row);
  const detail = { thing: "change of policy", id: String(id), noun: "policy" };
  throw new TautlineError("api.not_found", { detail });
}

/**
 * Reads the agents of a change in the order of their ids.
 *
 * @param store central's database
 * @param changeId of which change
 */
export async function readAgents(store: Store, changeId: number): Promise<readonly ChangeAgent[]> {
  const rows = await store.read((db) =>
    db
      .selectFrom("policy_change_agents")
      .selectAll()
      .where("change_id", "=", changeId)
      .orderBy("agent_id")
      .execute(),
  );
  return rows.map(changeAgentOf);
}

/**
 * Reads the agents of a change of whom there is something to tell, in the order of their ids.
 *
 * @param store central's database
 * @param changeId of which change
 * @param limit at most so many
 */
export async function readRemarkable(
  store: Store,
  changeId: number,
  limit: number,
): Promise<readonly ChangeAgent[]> {
  const rows = await store.read((db) =>
    db
      .selectFrom("policy_change_agents")
      .selectAll()
      .where("change_id", "=", changeId)
      .where((eb) =>
        eb.or([
          eb("watched", "=", 0),
          eb("met", "=", 0),
          eb("excepted", "=", 1),
          eb("lost", "=", 1),
        ]),
      )
      .orderBy("agent_id")
      .limit(limit)
      .execute(),
  );
  return rows.map(changeAgentOf);
}

/**
 * Finds the change that an undo takes back: the newest that was not undone and holds in a namespace.
 *
 * @param db database or transaction
 * @param namespace where; undefined for changes of all namespaces
 */
export async function findUndoable(
  db: Reader | Writer,
  namespace: string | undefined,
): Promise<KeptChange | undefined> {
  const row = await db
    .selectFrom("policy_changes")
    .selectAll()
    .where("step", "not in", ["undone", "undoing"])
    .where((eb) =>
      namespace === undefined
        ? eb.lit(true)
        : eb.or([eb("namespace", "=", namespace), eb("namespace", "=", "")]),
    )
    .orderBy("id", "desc")
    .executeTakeFirst();
  return row === undefined ? undefined : keptOf(row);
}
