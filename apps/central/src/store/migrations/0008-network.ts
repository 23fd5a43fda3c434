import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** How far an agent's clock is off (F8), and which addresses of central it was offered. */
export const network: Migration = {
  up: async (db: Kysely<unknown>) => {
    for (const name of ["clock_offset_ms", "addresses_at"]) {
      await db.schema.alterTable("agents").addColumn(name, "bigint").execute();
    }
    for (const name of ["addresses_hash", "addresses_offered"]) {
      await db.schema.alterTable("agents").addColumn(name, "text").execute();
    }
    await addText(db, "addresses_status", "unset");
    await addText(db, "addresses_error", "");
  },
};

async function addText(db: Kysely<unknown>, name: string, first: string): Promise<void> {
  await db.schema
    .alterTable("agents")
    .addColumn(name, "text", (column) => column.notNull().defaultTo(first))
    .execute();
}
