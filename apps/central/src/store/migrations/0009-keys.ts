import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Shared keys, their versions and who used them, and a counter that every process on this database watches. */
export const sharedKeys: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .createTable("key_names")
      .addColumn("name", "text", (c) => c.primaryKey())
      .addColumn("last_version", "integer", (c) => c.notNull())
      .execute();
    await db.schema
      .createTable("keys")
      .addColumn("name", "text", (c) => c.primaryKey().references("key_names.name"))
      .addColumn("id", "text", (c) => c.notNull().unique())
      .addColumn("namespace", "text", (c) => c.notNull().references("namespaces.name"))
      .addColumn("agent_id", "text")
      .addColumn("created_at", "bigint", (c) => c.notNull())
      .addColumn("created_by", "text", (c) => c.notNull())
      .execute();
    await db.schema
      .createTable("key_versions")
      .addColumn("key_name", "text", (c) => c.notNull().references("keys.name"))
      .addColumn("version", "integer", (c) => c.notNull())
      .addColumn("state", "text", (c) => c.notNull())
      .addColumn("sealed_key", "blob", (c) => c.notNull())
      .addColumn("weakness", "text")
      .addColumn("created_at", "bigint", (c) => c.notNull())
      .addColumn("created_by", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("key_versions_key", ["key_name", "version"])
      .execute();
    await createUses(db);
    await createCounter(db);
  },
};

async function createUses(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("key_uses")
    .addColumn("key_name", "text", (c) => c.notNull().references("keys.name"))
    .addColumn("agent_id", "text", (c) => c.notNull())
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("level", "text", (c) => c.notNull())
    .addColumn("remote_address", "text", (c) => c.notNull())
    .addColumn("used_at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("key_uses_key", ["key_name", "agent_id"])
    .execute();
}

/** As the counter of endings is (migration 0005): no writer can forget to count. */
async function createCounter(db: Kysely<unknown>): Promise<void> {
  await sql`INSERT INTO counters (name, value) VALUES ('keys', 0)`.execute(db);
  for (const event of ["INSERT", "UPDATE", "DELETE"]) {
    const name = `key_version_${event.toLowerCase()}`;
    const count = "UPDATE counters SET value = value + 1 WHERE name = 'keys'";
    await sql
      .raw(`CREATE TRIGGER ${name} AFTER ${event} ON key_versions BEGIN ${count}; END`)
      .execute(db);
  }
}
