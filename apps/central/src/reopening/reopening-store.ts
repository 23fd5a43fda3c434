import { TautlineError } from "@tautline/protocol";
import type { Selectable } from "kysely";
import type { AuditLog } from "../audit/audit-log.ts";
import { CLAIM_STATES } from "../fleet/claim-rule.ts";
import { parseSourceRange, type SourceRange } from "../sources/source-range.ts";
import type { PlaintextReopeningTable } from "../store/reopening-tables.ts";
import type { Reader, Store, Writer } from "../store/store.ts";
import { REOPENING_LIMITS, type Reopening, type ToldAgent } from "./reopening.ts";

/** What is asked for. */
export interface ReopeningOrder {
  readonly ranges: readonly SourceRange[];
  /** Milliseconds. */
  readonly forMs: number;
  readonly actor: string;
}

/** Somebody without an identity that is told where to join. */
export interface Telling {
  readonly agentId: string;
  readonly address: string;
  /** Every re-opening that it comes by. */
  readonly ids: readonly number[];
}

/** Re-openings on the disk, each step with its entry in the trail. */
export interface ReopeningStore {
  /** @throws policy.reopenings_full, store.* */
  begin(order: ReopeningOrder): Promise<Reopening>;
  /** Ends one, and changes nothing of one that has ended. @throws policy.reopening_unknown, store.* */
  end(id: number, actor: string): Promise<Reopening>;
  /** Those that nobody has ended. @throws store.* */
  open(): Promise<readonly Reopening[]>;
  /** The newest first. @throws store.* */
  list(limit: number): Promise<readonly Reopening[]>;
  /** @throws policy.reopening_unknown, store.* */
  get(id: number): Promise<Reopening>;
  /** Whom one has told, in the order of ids. @throws store.* */
  toldBy(id: number, limit: number): Promise<readonly ToldAgent[]>;
  /** How many each of some has told. @throws store.* */
  counts(ids: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** Notes whom central tells; to be done before it is told. @throws store.* */
  noteTold(telling: Telling): Promise<void>;
}

/** What keeping them needs. */
export interface ReopeningStoreDeps {
  readonly store: Store;
  readonly audit: Pick<AuditLog, "append">;
  readonly now: () => number;
}

/**
 * Opens the store of re-openings.
 *
 * @param deps database, trail and clock
 */
export function createReopeningStore(deps: ReopeningStoreDeps): ReopeningStore {
  const { store } = deps;
  return {
    begin: (order) => store.write((trx) => begin(deps, trx, order)),
    end: (id, actor) => store.write((trx) => end(deps, trx, id, actor)),
    open: () => store.read(readOpen),
    list: async (limit) => {
      const rows = await store.read((db) =>
        db
          .selectFrom("plaintext_reopenings")
          .selectAll()
          .orderBy("id", "desc")
          .limit(limit)
          .execute(),
      );
      return rows.map(reopeningOf);
    },
    get: (id) => store.read((db) => required(db, id)),
    toldBy: (id, limit) => toldBy(store, id, limit),
    counts: (ids) => counts(store, ids),
    noteTold: (telling) => store.write((trx) => noteTold(deps, trx, telling)),
  };
}

async function begin(
  { audit, now }: ReopeningStoreDeps,
  trx: Writer,
  { ranges, forMs, actor }: ReopeningOrder,
): Promise<Reopening> {
  const limit = REOPENING_LIMITS.openAtOnce;
  if ((await readOpen(trx)).length >= limit) {
    throw new TautlineError("policy.reopenings_full", { detail: { limit } });
  }
  await forgetOld(trx);
  const openedMs = now();
  const row = await trx
    .insertInto("plaintext_reopenings")
    .values({
      ranges: ranges.map(({ text }) => text).join(","),
      opened_at: openedMs,
      opened_by: actor,
      until: openedMs + forMs,
      ended_by: "",
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const detail = { from: row.ranges, until: new Date(row.until).toISOString() };
  const subject = `reopening:${row.id}`;
  await audit.append(trx, { action: "policy.reopened", actor, subject, detail });
  return reopeningOf(row);
}

/** Of those that have ended. */
async function forgetOld(trx: Writer): Promise<void> {
  const old = await trx
    .selectFrom("plaintext_reopenings")
    .select("id")
    .where("ended_at", "is not", null)
    .orderBy("id", "desc")
    .offset(REOPENING_LIMITS.kept - 1)
    .limit(REOPENING_LIMITS.kept)
    .execute();
  const ids = old.map(({ id }) => id);
  if (ids.length === 0) return;
  await trx.deleteFrom("plaintext_reopening_told").where("reopening_id", "in", ids).execute();
  await trx.deleteFrom("plaintext_reopenings").where("id", "in", ids).execute();
}

async function end(
  { audit, now }: ReopeningStoreDeps,
  trx: Writer,
  id: number,
  actor: string,
): Promise<Reopening> {
  const known = await required(trx, id);
  if (known.endedMs !== null) return known;
  const endedMs = now();
  await trx
    .updateTable("plaintext_reopenings")
    .set({ ended_at: endedMs, ended_by: actor })
    .where("id", "=", id)
    .execute();
  const subject = `reopening:${id}`;
  const [told = 0] = (await countsOf(trx, [id])).values();
  await audit.append(trx, { action: "policy.reopening-ended", actor, subject, detail: { told } });
  return { ...known, endedMs, endedBy: actor };
}

async function readOpen(db: Reader): Promise<readonly Reopening[]> {
  const rows = await db
    .selectFrom("plaintext_reopenings")
    .selectAll()
    .where("ended_at", "is", null)
    .orderBy("id")
    .execute();
  return rows.map(reopeningOf);
}

async function required(db: Reader, id: number): Promise<Reopening> {
  const row = await db
    .selectFrom("plaintext_reopenings")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  if (row !== undefined) return reopeningOf(row);
  throw new TautlineError("policy.reopening_unknown", { detail: { id } });
}

async function toldBy(store: Store, id: number, limit: number): Promise<readonly ToldAgent[]> {
  const rows = await store.read((db) =>
    db
      .selectFrom("plaintext_reopening_told")
      .selectAll()
      .where("reopening_id", "=", id)
      .orderBy("agent_id")
      .limit(limit)
      .execute(),
  );
  return rows.map(({ agent_id: agentId, told_at: toldMs, address }) => ({
    agentId,
    toldMs,
    address,
  }));
}

function counts(store: Store, ids: readonly number[]): Promise<ReadonlyMap<number, number>> {
  return store.read((db) => countsOf(db, ids));
}

async function countsOf(db: Reader, ids: readonly number[]): Promise<ReadonlyMap<number, number>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom("plaintext_reopening_told")
    .select((eb) => ["reopening_id", eb.fn.countAll<number>().as("count")])
    .where("reopening_id", "in", ids)
    .groupBy("reopening_id")
    .execute();
  return new Map(rows.map(({ reopening_id: id, count }) => [id, count]));
}

/** Seen it was, and over what; what it says of itself besides is not kept. The trail has the first time of each. */
async function noteTold(
  { audit, now }: ReopeningStoreDeps,
  trx: Writer,
  { agentId, address, ids }: Telling,
): Promise<void> {
  const atMs = now();
  const subject = `agent:${agentId}`;
  for (const id of ids) {
    const added = await trx
      .insertInto("plaintext_reopening_told")
      .values({ reopening_id: id, agent_id: agentId, told_at: atMs, address })
      .onConflict((conflict) => conflict.columns(["reopening_id", "agent_id"]).doNothing())
      .returning("agent_id")
      .executeTakeFirst();
    if (added === undefined) continue;
    const detail = { reopening: id, from: address };
    await audit.append(trx, { action: "agent.told-to-join", actor: "central", subject, detail });
  }
  const seen = { promotion_told_at: atMs, last_seen_at: atMs, level: "plaintext", key_group: null };
  await trx
    .updateTable("agents")
    .set(seen)
    .where("id", "=", agentId)
    .where("state", "in", CLAIM_STATES)
    .execute();
}

function reopeningOf(row: Selectable<PlaintextReopeningTable>): Reopening {
  return {
    id: row.id,
    ranges: row.ranges.split(",").map(parseSourceRange),
    openedMs: row.opened_at,
    openedBy: row.opened_by,
    untilMs: row.until,
    endedMs: row.ended_at,
    endedBy: row.ended_by,
  };
}
