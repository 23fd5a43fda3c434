import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** What is asked of links by namespace and kind, who is excepted, and a counter that every process on this database watches. */
export const policies: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .createTable("link_policies")
      .addColumn("namespace", "text", (c) => c.notNull().references("namespaces.name"))
      .addColumn("kind", "text", (c) => c.notNull())
      .addColumn("accept", "text", (c) => c.notNull())
      .addColumn("client_proof", "text", (c) => c.notNull())
      .addColumn("post_quantum", "text", (c) => c.notNull())
      .addColumn("loopback", "text", (c) => c.notNull())
      .addColumn("changed_at", "bigint", (c) => c.notNull())
      .addColumn("changed_by", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("link_policies_key", ["namespace", "kind"])
      .execute();
    await db.schema
      .createTable("policy_exceptions")
      .addColumn("agent_id", "text", (c) => c.notNull())
      .addColumn("kind", "text", (c) => c.notNull())
      .addColumn("namespace", "text", (c) => c.notNull().references("namespaces.name"))
      .addColumn("level", "text", (c) => c.notNull())
      .addColumn("reason", "text", (c) => c.notNull())
      .addColumn("change_id", "text")
      .addColumn("since", "bigint", (c) => c.notNull())
      .addPrimaryKeyConstraint("policy_exceptions_key", ["agent_id", "kind"])
      .execute();
    await createCounter(db);
  },
};

/** As the counter of keys is (migration 0009): no writer can forget to count. A namespace without a policy asks for nothing, so those count too. */
async function createCounter(db: Kysely<unknown>): Promise<void> {
  await sql`INSERT INTO counters (name, value) VALUES ('policies', 0)`.execute(db);
  for (const table of ["link_policies", "policy_exceptions", "namespaces"]) {
    for (const event of ["INSERT", "UPDATE", "DELETE"]) {
      const name = `policies_${table}_${event.toLowerCase()}`;
      const count = "UPDATE counters SET value = value + 1 WHERE name = 'policies'";
      await sql
        .raw(`CREATE TRIGGER ${name} AFTER ${event} ON ${table} BEGIN ${count}; END`)
        .execute(db);
    }
  }
}
