import { TautlineError } from "@tautline/protocol";
import { chainHash, GENESIS } from "@tautline/vault";
import type { Store, Writer } from "../store/store.ts";
import { formatAuditBody, type AuditEntry, type AuditEvent } from "./audit-event.ts";

/** Which part of the trail to list. */
export interface AuditQuery {
  /** Entries at or after this time, milliseconds since the epoch. */
  readonly sinceMs?: number;
  /** At most this many, the newest. */
  readonly limit: number;
}

/** The trail: every change of state is in it, in the same transaction as the change. */
export interface AuditLog {
  /** Adds an entry inside a transaction that also makes the change. */
  append(trx: Writer, event: AuditEvent): Promise<void>;
  /** Adds an entry of its own, for refusals that change nothing else. */
  record(event: AuditEvent): Promise<void>;
  /** @throws store.damaged for an entry that cannot be read; `verify` says where the trail is wrong */
  list(query: AuditQuery): Promise<AuditEntry[]>;
  /**
   * Calls `onNews` after each entry that is added, while its transaction may still be open: a read waits until that is over.
   *
   * @returns ends it
   */
  watch(onNews: () => void): () => void;
}

/**
 * Opens the audit trail of a store.
 *
 * @param store central's database
 * @param now milliseconds since the epoch
 */
export function createAuditLog(store: Store, now: () => number): AuditLog {
  const watchers = new Set<() => void>();
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
    for (const tell of watchers) tell();
  };
  return {
    append,
    record: (event) => store.write((trx) => append(trx, event)),
    list: (query) => listEntries(store, query),
    watch: (onNews) => {
      // A function of its own each time: one who watches twice is told twice.
      const tell = (): void => onNews();
      watchers.add(tell);
      return () => void watchers.delete(tell);
    },
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
