import { setImmediate as nextTurn } from "node:timers/promises";
import { TautlineError } from "@tautline/protocol";
import { chainHash, type ChainedEntry, GENESIS } from "@tautline/vault";
import type { Store, Writer } from "../store/store.ts";
import { formatAuditBody, type AuditEntry, type AuditEvent } from "./audit-event.ts";

/** Which part of the trail to list. */
export interface AuditQuery {
  /** Entries at or after this time, milliseconds since the epoch. */
  readonly sinceMs?: number;
  /** At most this many, the newest. */
  readonly limit: number;
}

/** What checking the trail found: its length and last hash, or the number of the first entry that is wrong, and why. */
export type AuditVerdict =
  | { readonly ok: true; readonly count: number; readonly head: string }
  | { readonly ok: false; readonly at: number; readonly reason: string };

/** The trail: every change of state is in it, in the same transaction as the change. */
export interface AuditLog {
  /** Adds an entry inside a transaction that also makes the change. */
  append(trx: Writer, event: AuditEvent): Promise<void>;
  /** Adds an entry of its own, for refusals that change nothing else. */
  record(event: AuditEvent): Promise<void>;
  /** @throws store.damaged for an entry that cannot be read; `verify` says where the trail is wrong */
  list(query: AuditQuery): Promise<AuditEntry[]>;
  /**
   * Recomputes the whole chain. An end cut off shows only by comparing `head` with one noted elsewhere.
   */
  verify(): Promise<AuditVerdict>;
}

const VERIFY_PAGE = 1_000;

/**
 * Opens the audit trail of a store.
 *
 * @param store central's database
 * @param now milliseconds since the epoch
 */
export function createAuditLog(store: Store, now: () => number): AuditLog {
  const append = async (trx: Writer, event: AuditEvent): Promise<void> => {
    const last = await trx
      .selectFrom("audit")
      .select(["seq", "hash"])
      .orderBy("seq", "desc")
      .limit(1)
      .executeTakeFirst();
    const seq = (last?.seq ?? 0) + 1;
    const previous = last?.hash ?? GENESIS;
    const body = formatAuditBody(seq, now(), event);
    const entry = { seq, previous, hash: chainHash(previous, body), body };
    await trx.insertInto("audit").values(entry).execute();
  };
  return {
    append,
    record: (event) => store.write((trx) => append(trx, event)),
    list: (query) => listEntries(store, query),
    verify: () => verifyTrail(store),
  };
}

async function listEntries(store: Store, query: AuditQuery): Promise<AuditEntry[]> {
  const rows = await store.read((db) =>
    db
      .selectFrom("audit")
      .select(["seq", "body"])
      .orderBy("seq", "desc")
      .limit(query.limit)
      .execute(),
  );
  const entries = rows.map((row) => readEntry(store.file, row)).toReversed();
  const sinceMs = query.sinceMs ?? 0;
  return entries.filter((entry) => Date.parse(entry.at) >= sinceMs);
}

function readEntry(file: string, { seq, body }: { seq: number; body: string }): AuditEntry {
  try {
    return JSON.parse(body) as AuditEntry;
  } catch (cause) {
    const reason = `entry ${seq} of the audit trail cannot be read`;
    throw new TautlineError("store.damaged", { cause, detail: { file, reason } });
  }
}

interface TrailRow extends ChainedEntry {
  readonly seq: number;
}

/** Page by page, so that neither memory nor the other work of this process depends on the length of the trail. */
async function verifyTrail(store: Store): Promise<AuditVerdict> {
  let head = GENESIS;
  let count = 0;
  for (;;) {
    // From the very lowest number on: an entry put before the first must not stay unseen.
    const page = await readPage(store, count === 0 ? Number.MIN_SAFE_INTEGER : count);
    for (const row of page) {
      const reason = findBreak(row, head, count + 1);
      if (reason !== undefined) return { ok: false, at: row.seq, reason };
      head = row.hash;
      count += 1;
    }
    if (page.length < VERIFY_PAGE) return { ok: true, count, head };
    await nextTurn();
  }
}

function readPage(store: Store, after: number): Promise<TrailRow[]> {
  return store.read((db) =>
    db
      .selectFrom("audit")
      .selectAll()
      .where("seq", ">", after)
      .orderBy("seq")
      .limit(VERIFY_PAGE)
      .execute(),
  );
}

function findBreak(row: TrailRow, head: string, wantedSeq: number): string | undefined {
  if (row.seq !== wantedSeq) return `entry ${wantedSeq} is missing before it`;
  if (row.previous !== head) return "it does not follow the entry before it";
  if (row.hash !== chainHash(row.previous, row.body)) return "its content is not what was hashed";
  return undefined;
}
