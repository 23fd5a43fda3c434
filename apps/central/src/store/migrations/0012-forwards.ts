import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** What agents may have central connect to, and a counter that every process on this database watches. */
export const forwards: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .createTable("forwards")
      .addColumn("namespace", "text", (c) => c.notNull().references("namespaces.name"))
      .addColumn("agent_id", "text", (c) => c.notNull())
      .addColumn("name", "text", (c) => c.notNull())
      .addColumn("target", "text", (c) => c.notNull())
      .addColumn("also_local", "integer", (c) => c.notNull())
      .addColumn("proxy_protocol", "integer", (c) => c.notNull())
      .addColumn("idle_ms", "bigint", (c) => c.notNull())
      .addColumn("total_ms", "bigint", (c) => c.notNull())
      .addColumn("max_streams", "integer", (c) => c.notNull())
      .addColumn("created_at", "bigint", (c) => c.notNull())
      .addColumn("created_by", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("forwards_key", ["namespace", "agent_id", "name"])
      .execute();
    await createCounter(db);
  },
};

/** As the counter of keys is (migration 0009): no writer can forget to count. */
async function createCounter(db: Kysely<unknown>): Promise<void> {
  await sql`INSERT INTO counters (name, value) VALUES ('forwards', 0)`.execute(db);
  for (const event of ["INSERT", "UPDATE", "DELETE"]) {
    const name = `forward_${event.toLowerCase()}`;
    const count = "UPDATE counters SET value = value + 1 WHERE name = 'forwards'";
    await sql
      .raw(`CREATE TRIGGER ${name} AFTER ${event} ON forwards BEGIN ${count}; END`)
      .execute(db);
  }
}
