import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Which level an agent was ordered to climb to, and how that went. */
export const moves: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema.alterTable("agents").addColumn("move_level", "text").execute();
    for (const name of ["move_seq", "move_at"]) {
      await db.schema.alterTable("agents").addColumn(name, "bigint").execute();
    }
    await addText(db, "move_status", "unset");
    await addText(db, "move_error", "");
  },
};

async function addText(db: Kysely<unknown>, name: string, first: string): Promise<void> {
  await db.schema
    .alterTable("agents")
    .addColumn(name, "text", (column) => column.notNull().defaultTo(first))
    .execute();
}
