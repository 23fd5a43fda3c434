import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Agents without an identity: when one was promoted by an operator, and when it was told so last. */
export const claims: Migration = {
  up: async (db: Kysely<unknown>) => {
    for (const name of ["promoted_at", "promotion_told_at"]) {
      await db.schema.alterTable("agents").addColumn(name, "bigint").execute();
    }
  },
};
