import { encodeRevokedEntry } from "@tautline/pki";
import type { Store } from "../store/store.ts";

/** Entries of one list in DER, by serial. */
export type CrlEntries = ReadonlyMap<string, Buffer>;

/** What collecting entries needs. */
export interface CrlEntryDeps {
  readonly store: Store;
  /** Lets other work of this process run; called after each slice. */
  readonly pause: () => Promise<void>;
}

/** Which entries a list gets. */
export interface CrlEntryOrder {
  readonly issuerId: string;
  /** Certificates that ended before are left out; milliseconds since the epoch. */
  readonly endedBeforeMs: number;
  /** Those of the list before: an entry never changes, and encoding it is most of the work. */
  readonly kept: CrlEntries;
}

/** Read and encoded before other work gets its turn: some milliseconds. */
export const CRL_SLICE = 100;

/**
 * Collects the entries of an authority's list, some at a time, so that a list of 10,000 does not hold up the event loop.
 *
 * @param deps database, and how to pause
 * @param order whose, and what is kept
 * @returns the entries in the order of their serials
 */
export async function collectEntries(
  { store, pause }: CrlEntryDeps,
  { issuerId, endedBeforeMs, kept }: CrlEntryOrder,
): Promise<CrlEntries> {
  const entries = new Map<string, Buffer>();
  let last = "";
  for (;;) {
    const after = last;
    const rows = await store.read((db) =>
      db
        .selectFrom("certificates")
        .select(["serial", "revoked_at", "revoked_reason", "not_after"])
        .where("issuer_id", "=", issuerId)
        .where("revoked_at", "is not", null)
        .where("serial", ">", after)
        .orderBy("serial")
        .limit(CRL_SLICE)
        .execute(),
    );
    for (const row of rows) {
      last = row.serial;
      if (row.not_after < endedBeforeMs) continue;
      const entry =
        kept.get(row.serial) ??
        encodeRevokedEntry({
          serial: row.serial,
          at: new Date(row.revoked_at ?? 0),
          reason: row.revoked_reason ?? "unspecified",
        });
      entries.set(row.serial, entry);
    }
    if (rows.length < CRL_SLICE) return entries;
    await pause();
  }
}
