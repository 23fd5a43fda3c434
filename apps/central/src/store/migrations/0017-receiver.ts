import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Backends of telemetry, its clients with their tokens, and a counter that every process on this database watches. */
export const receiver: Migration = {
  up: async (db: Kysely<unknown>) => {
    await createBackends(db);
    await db.schema
      .createTable("receiver_clients")
      .addColumn("name", "text", (c) => c.primaryKey())
      .addColumn("namespace", "text", (c) => c.notNull().references("namespaces.name"))
      .addColumn("created_at", "bigint", (c) => c.notNull())
      .addColumn("created_by", "text", (c) => c.notNull())
      .execute();
    await db.schema
      .createTable("receiver_tokens")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("client", "text", (c) => c.notNull().references("receiver_clients.name"))
      .addColumn("sealed_secret_hash", "blob", (c) => c.notNull())
      .addColumn("created_at", "bigint", (c) => c.notNull())
      .addColumn("created_by", "text", (c) => c.notNull())
      .addColumn("expires_at", "bigint", (c) => c.notNull())
      .addColumn("revoked_at", "bigint")
      .addColumn("revoked_why", "text", (c) => c.notNull())
      .execute();
    await createCounter(db);
  },
};

async function createBackends(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("receiver_backends")
    .addColumn("name", "text", (c) => c.primaryKey())
    .addColumn("targets", "text", (c) => c.notNull())
    .addColumn("protocol", "text", (c) => c.notNull())
    .addColumn("routes", "text", (c) => c.notNull())
    .addColumn("tls", "text", (c) => c.notNull())
    .addColumn("trust", "text", (c) => c.notNull())
    .addColumn("levels", "text", (c) => c.notNull())
    .addColumn("namespace", "text", (c) => c.notNull())
    .addColumn("require_token", "integer", (c) => c.notNull())
    .addColumn("anonymous", "integer", (c) => c.notNull())
    .addColumn("also_local", "integer", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("created_by", "text", (c) => c.notNull())
    .execute();
}

/** As the counter of forwards is (migration 0012): no writer can forget to count. */
async function createCounter(db: Kysely<unknown>): Promise<void> {
  await sql`INSERT INTO counters (name, value) VALUES ('receiver', 0)`.execute(db);
  for (const table of ["receiver_backends", "receiver_tokens"]) {
    for (const event of ["INSERT", "UPDATE", "DELETE"]) {
      const name = `${table}_${event.toLowerCase()}`;
      const count = "UPDATE counters SET value = value + 1 WHERE name = 'receiver'";
      await sql
        .raw(`CREATE TRIGGER ${name} AFTER ${event} ON ${table} BEGIN ${count}; END`)
        .execute(db);
    }
  }
}
