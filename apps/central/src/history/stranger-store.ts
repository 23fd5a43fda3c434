import type { HistoryStrangerTable } from "../store/history-tables.ts";
import type { Store, Writer } from "../store/store.ts";
import { HISTORY_LIMITS } from "./history-limits.ts";
import { OTHER } from "./place.ts";
import { networkOf } from "../sources/remote-network.ts";
import { DAY_MS } from "./span.ts";

/** Refused attempts from one network for one reason. */
export interface StrangerAttempts {
  /** Such as `192.0.2.0/24`, `2001:db8:1:2::/64`, `unknown`, or `other` for all beyond the bound. */
  readonly network: string;
  readonly code: string;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly attempts: number;
}

/** Refused attempts of nobody known: counted in memory, written together (A20), and bounded whatever comes from wherever. */
export interface StrangerStore {
  /** Counts one attempt; in memory alone. */
  note(code: string, remoteAddress: string, atMs: number): void;
  /** Writes what was counted. One transaction at most; what the database refused stays counted. */
  flush(): Promise<void>;
  /**
   * Puts networks that were silent for longer than the history tells, and the oldest of too many, into `other`.
   *
   * @returns true when there is more to do
   */
  fold(): Promise<boolean>;
  /** Those with an attempt at or after a time, the latest first. */
  since(sinceMs: number): Promise<readonly StrangerAttempts[]>;
}

/** What the counts of strangers need. */
export interface StrangerStoreDeps {
  readonly store: Store;
  readonly now: () => number;
  /** Days after which a silent network is no longer told by itself. */
  readonly days: number;
}

/**
 * Opens the counts of strangers' attempts.
 *
 * @param deps database, clock and how long networks are told apart
 */
export function createStrangerStore(deps: StrangerStoreDeps): StrangerStore {
  const { store, now } = deps;
  const waiting = new Map<string, StrangerAttempts>();
  return {
    note: (code, remoteAddress, atMs) => {
      const one = { network: networkOf(remoteAddress), code, firstMs: atMs, lastMs: atMs };
      countIn(waiting, { ...one, attempts: 1 }, HISTORY_LIMITS.waitingNetworks);
    },
    flush: async () => {
      const counted = [...waiting.values()];
      if (counted.length === 0) return;
      waiting.clear();
      try {
        await store.write((trx) => addAll(trx, counted, now()));
      } catch (error) {
        for (const one of counted) countIn(waiting, one, HISTORY_LIMITS.waitingNetworks);
        throw error;
      }
    },
    fold: () => fold(deps),
    since: (sinceMs) => attemptsSince(deps, sinceMs),
  };
}

/** One more row for each reason at most, when the bound is reached. */
function countIn(into: Map<string, StrangerAttempts>, one: StrangerAttempts, most: number): void {
  const exact = `${one.network} ${one.code}`;
  const isKnown = into.has(exact) || into.size < most;
  const network = isKnown ? one.network : OTHER;
  const key = `${network} ${one.code}`;
  into.set(key, merge({ ...one, network }, into.get(key)));
}

function merge(one: StrangerAttempts, other: StrangerAttempts | undefined): StrangerAttempts {
  if (other === undefined) return one;
  return {
    ...one,
    firstMs: Math.min(one.firstMs, other.firstMs),
    lastMs: Math.max(one.lastMs, other.lastMs),
    attempts: one.attempts + other.attempts,
  };
}

async function addAll(
  trx: Writer,
  counted: readonly StrangerAttempts[],
  nowMs: number,
): Promise<void> {
  let rows = await countRows(trx);
  for (const one of counted) {
    const known = await find(trx, one);
    const isOver = known === undefined && rows >= HISTORY_LIMITS.networks;
    const placed = isOver ? { ...one, network: OTHER } : one;
    const before = isOver ? await find(trx, placed) : known;
    if (before === undefined) rows += 1;
    const { firstMs, lastMs, ...sum } = merge(placed, before);
    await put(trx, {
      ...sum,
      firstMs: Math.min(firstMs, nowMs),
      // A clock that ran ahead is not believed for longer than it takes until the next attempt (F8).
      lastMs: Math.min(lastMs, nowMs),
    });
  }
}

async function countRows(trx: Writer): Promise<number> {
  const { rows } = await trx
    .selectFrom("history_strangers")
    .select((eb) => eb.fn.countAll<number>().as("rows"))
    .executeTakeFirstOrThrow();
  return rows;
}

async function find(
  trx: Writer,
  { network, code }: Pick<StrangerAttempts, "network" | "code">,
): Promise<StrangerAttempts | undefined> {
  const row = await trx
    .selectFrom("history_strangers")
    .selectAll()
    .where("network", "=", network)
    .where("code", "=", code)
    .executeTakeFirst();
  return (
    row && { network, code, firstMs: row.first_at, lastMs: row.last_at, attempts: row.attempts }
  );
}

async function put(trx: Writer, one: StrangerAttempts): Promise<void> {
  const { network, code, firstMs, lastMs, attempts } = one;
  const values = { first_at: firstMs, last_at: lastMs, attempts };
  await trx
    .insertInto("history_strangers")
    .values({ network, code, ...values })
    .onConflict((conflict) => conflict.columns(["network", "code"]).doUpdateSet(values))
    .execute();
}

/** Rows that one call folds. */
const FOLDED_ROWS = 256;

async function fold({ store, now, days }: StrangerStoreDeps): Promise<boolean> {
  const oldestMs = now() - days * DAY_MS;
  return store.write(async (trx) => {
    const oldest = await trx
      .selectFrom("history_strangers")
      .selectAll()
      .where("network", "!=", OTHER)
      .orderBy("last_at")
      .limit(FOLDED_ROWS)
      .execute();
    const isFull = (await countRows(trx)) >= HISTORY_LIMITS.networks;
    const due = isFull ? oldest : oldest.filter(({ last_at }) => last_at < oldestMs);
    for (const row of due) await foldRow(trx, row);
    return due.length === FOLDED_ROWS && !isFull;
  });
}

async function foldRow(trx: Writer, row: HistoryStrangerTable): Promise<void> {
  const { network, code, first_at: firstMs, last_at: lastMs, attempts } = row;
  await trx
    .deleteFrom("history_strangers")
    .where("network", "=", network)
    .where("code", "=", code)
    .execute();
  const one = { network: OTHER, code, firstMs, lastMs, attempts };
  await put(trx, merge(one, await find(trx, one)));
}

async function attemptsSince(
  { store, now }: StrangerStoreDeps,
  sinceMs: number,
): Promise<readonly StrangerAttempts[]> {
  const nowMs = now();
  const rows = await store.read((db) =>
    db
      .selectFrom("history_strangers")
      .selectAll()
      .where("last_at", ">=", sinceMs)
      .orderBy("last_at", "desc")
      .orderBy("network")
      .orderBy("code")
      .execute(),
  );
  return rows.map(({ network, code, first_at, last_at, attempts }) => ({
    network,
    code,
    firstMs: Math.min(first_at, nowMs),
    lastMs: Math.min(last_at, nowMs),
    attempts,
  }));
}
