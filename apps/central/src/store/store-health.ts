import type { Store } from "./store.ts";

/**
 * Tells whether the database does its work: it took the last write, and answers now.
 *
 * @param store central's database
 */
export async function isHealthy(store: Store): Promise<boolean> {
  if (store.trouble() !== undefined) return false;
  return store
    .read((db) => db.selectFrom("meta").select("key").limit(1).execute())
    .then(() => true)
    .catch(() => false);
}

/**
 * After a refused write, tries one of its own, so that central finds out by itself when there is room again (F11). Does nothing
 * while all is well: a probe of every few seconds would be a write of every few seconds.
 *
 * @param store central's database
 * @throws store.* as long as it refuses
 */
export async function retryWrite(store: Store): Promise<void> {
  if (store.trouble() === undefined) return;
  await store.write((trx) =>
    trx
      .insertInto("meta")
      .values({ key: "last_retry", value: "1" })
      .onConflict((conflict) => conflict.column("key").doUpdateSet({ value: "1" }))
      .execute(),
  );
}
