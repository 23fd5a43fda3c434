import type { Selectable } from "kysely";
import type { CrlTable } from "../store/schema.ts";
import type { Store } from "../store/store.ts";

/** A list as it is kept. */
export type CrlRow = Selectable<CrlTable>;

/** What is known of each list without its bytes. */
export type CrlSummary = Omit<CrlRow, "der">;

/** The newest list of each authority, for all processes on the database. */
export interface CrlStore {
  summaries(): Promise<ReadonlyMap<string, CrlSummary>>;
  read(authorityId: string): Promise<CrlRow | undefined>;
  /**
   * Keeps a list in place of the one it was made after.
   *
   * @param row the list
   * @param previous number of the one before; 0 where there was none
   * @returns false where another process was faster, and nothing is kept
   */
  replace(row: CrlRow, previous: number): Promise<boolean>;
  /** What is revoked of each authority now, expired certificates included: a text that changes with it. */
  covered(): Promise<ReadonlyMap<string, string>>;
}

/** Opens the lists of a database. */
export function createCrlStore(store: Store): CrlStore {
  return {
    summaries: async () => {
      const rows = await store.read((db) =>
        db
          .selectFrom("crls")
          .select(["authority_id", "number", "this_update", "next_update", "entries", "covers"])
          .execute(),
      );
      return new Map(rows.map((row) => [row.authority_id, row]));
    },
    read: (authorityId) =>
      store.read((db) =>
        db
          .selectFrom("crls")
          .selectAll()
          .where("authority_id", "=", authorityId)
          .executeTakeFirst(),
      ),
    replace: (row, previous) => replace(store, row, previous),
    covered: async () => {
      const rows = await store.read((db) =>
        db
          .selectFrom("certificates")
          .select((eb) => [
            "issuer_id",
            eb.fn.countAll<number>().as("revoked"),
            eb.fn.max("revoked_at").as("newest"),
          ])
          .where("revoked_at", "is not", null)
          .groupBy("issuer_id")
          .execute(),
      );
      return new Map(rows.map((row) => [row.issuer_id, `${row.revoked} ${row.newest}`]));
    },
  };
}

async function replace(store: Store, row: CrlRow, previous: number): Promise<boolean> {
  return store.write(async (trx) => {
    const now = await trx
      .selectFrom("crls")
      .select("number")
      .where("authority_id", "=", row.authority_id)
      .executeTakeFirst();
    if ((now?.number ?? 0) !== previous) return false;
    await trx.deleteFrom("crls").where("authority_id", "=", row.authority_id).execute();
    await trx.insertInto("crls").values(row).execute();
    return true;
  });
}
