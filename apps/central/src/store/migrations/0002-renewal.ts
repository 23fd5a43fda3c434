import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Numbers of identities: which one an agent was granted and has proven, and whether an older one came back (F25). */
export const renewal: Migration = {
  up: async (db: Kysely<unknown>) => {
    await addNumber(db, "agents", "renewal_counter");
    await addNumber(db, "agents", "proven_counter");
    await addNumber(db, "certificates", "renewal_counter");
    for (const name of ["renewed_at", "clone_suspected_at"]) {
      await db.schema.alterTable("agents").addColumn(name, "bigint").execute();
    }
    for (const name of ["clone_counter", "clone_pin"]) {
      await db.schema.alterTable("agents").addColumn(name, "text").execute();
    }
  },
};

async function addNumber(db: Kysely<unknown>, table: string, name: string): Promise<void> {
  await db.schema
    .alterTable(table)
    .addColumn(name, "integer", (column) => column.notNull().defaultTo(0))
    .execute();
}
