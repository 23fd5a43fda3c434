import type { HeaderStore } from "@tautline/vault";
import type { Store } from "./store.ts";

/**
 * Keeps the vault's header (the wrapped data key, RS-16) inside the database, so that both are backed up together.
 *
 * @param store central's database
 */
export function databaseHeaderStore(store: Store): HeaderStore {
  return {
    load: async () => {
      const row = await store.read((db) =>
        db.selectFrom("vault_header").select("header").where("id", "=", 1).executeTakeFirst(),
      );
      return row?.header;
    },
    save: async (header) => {
      await store.write((db) =>
        db
          .insertInto("vault_header")
          .values({ id: 1, header })
          .onConflict((conflict) => conflict.column("id").doUpdateSet({ header }))
          .execute(),
      );
    },
  };
}
