import type { Store } from "../store/store.ts";

/**
 * Reads the counter that rises with every certificate, agent or token that ends, whichever process on this database ends it.
 *
 * @param store central's database
 */
export async function readEndings(store: Store): Promise<number> {
  const { value } = await store.read((db) =>
    db
      .selectFrom("counters")
      .select("value")
      .where("name", "=", "endings")
      .executeTakeFirstOrThrow(),
  );
  return value;
}
