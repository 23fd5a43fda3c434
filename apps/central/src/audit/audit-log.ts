import { chainHash, GENESIS, verifyHashChain, type HashChainVerdict } from "@tautline/vault";
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
  list(query: AuditQuery): Promise<AuditEntry[]>;
  /** Recomputes the whole chain. */
  verify(): Promise<HashChainVerdict>;
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
    db.selectFrom("audit").select("body").orderBy("seq", "desc").limit(query.limit).execute(),
  );
  const entries = rows.map((row) => JSON.parse(row.body) as AuditEntry).toReversed();
  const sinceMs = query.sinceMs ?? 0;
  return entries.filter((entry) => Date.parse(entry.at) >= sinceMs);
}

async function verifyTrail(store: Store): Promise<HashChainVerdict> {
  const rows: { previous: string; hash: string; body: string }[] = [];
  for (let after = 0; ;) {
    const page = await store.read((db) =>
      db
        .selectFrom("audit")
        .selectAll()
        .where("seq", ">", after)
        .orderBy("seq")
        .limit(VERIFY_PAGE)
        .execute(),
    );
    rows.push(...page);
    const end = page.at(-1);
    if (end === undefined) return verifyHashChain(rows);
    after = end.seq;
  }
}
