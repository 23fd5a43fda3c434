import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Re-openings of plaintext, who was told where to join by each, and a counter that every process on this database watches. */
export const reopenings: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .createTable("plaintext_reopenings")
      .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
      .addColumn("ranges", "text", (c) => c.notNull())
      .addColumn("opened_at", "bigint", (c) => c.notNull())
      .addColumn("opened_by", "text", (c) => c.notNull())
      .addColumn("until", "bigint", (c) => c.notNull())
      .addColumn("ended_at", "bigint")
      .addColumn("ended_by", "text", (c) => c.notNull())
      .execute();
    await db.schema
      .createTable("plaintext_reopening_told")
      .addColumn("reopening_id", "integer", (c) =>
        c.notNull().references("plaintext_reopenings.id"),
      )
      .addColumn("agent_id", "text", (c) => c.notNull())
      .addColumn("told_at", "bigint", (c) => c.notNull())
      .addColumn("address", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("plaintext_reopening_told_key", ["reopening_id", "agent_id"])
      .execute();
    await createCounter(db);
  },
};

/** As the counter of policies is (migration 0015): no writer can forget to count. */
async function createCounter(db: Kysely<unknown>): Promise<void> {
  await sql`INSERT INTO counters (name, value) VALUES ('reopenings', 0)`.execute(db);
  for (const event of ["INSERT", "UPDATE", "DELETE"]) {
    const name = `plaintext_reopenings_${event.toLowerCase()}`;
    const count = "UPDATE counters SET value = value + 1 WHERE name = 'reopenings'";
    await sql
      .raw(`CREATE TRIGGER ${name} AFTER ${event} ON plaintext_reopenings BEGIN ${count}; END`)
      .execute(db);
  }
}
