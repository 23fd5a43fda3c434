import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** What links negotiated over time, kept compactly (decision 0013). */
export const evidenceHistory: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createNames(db);
    // Without a rowid the key is not kept twice; the agent comes first, so that one agent's rows lie together.
    await db.schema
      .createTable("history_spans")
      .addColumn("agent", "blob", (c) => c.notNull())
      .addColumn("kind", "integer", (c) => c.notNull())
      .addColumn("component", "integer", (c) => c.notNull())
      .addColumn("profile", "integer", (c) => c.notNull())
      .addColumn("code", "integer", (c) => c.notNull())
      .addColumn("first_at", "bigint", (c) => c.notNull())
      .addColumn("last_at", "bigint", (c) => c.notNull())
      .addColumn("days", "integer", (c) => c.notNull())
      .addColumn("links", "integer", (c) => c.notNull())
      .addColumn("address", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("history_spans_key", [
        "agent",
        "kind",
        "component",
        "profile",
        "code",
        "first_at",
      ])
      .modifyEnd(sql`without rowid`)
      .execute();
    await db.schema
      .createTable("history_strangers")
      .addColumn("network", "text", (c) => c.notNull())
      .addColumn("code", "text", (c) => c.notNull())
      .addColumn("first_at", "bigint", (c) => c.notNull())
      .addColumn("last_at", "bigint", (c) => c.notNull())
      .addColumn("attempts", "integer", (c) => c.notNull())
      .addPrimaryKeyConstraint("history_strangers_key", ["network", "code"])
      .modifyEnd(sql`without rowid`)
      .execute();
  },
};

async function createNames(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("history_profiles")
    .addColumn("id", "integer", (c) => c.primaryKey())
    .addColumn("level", "text", (c) => c.notNull())
    .addColumn("protocol", "text", (c) => c.notNull())
    .addColumn("cipher", "text", (c) => c.notNull())
    .addColumn("key_group", "text", (c) => c.notNull())
    .addColumn("pq", "integer", (c) => c.notNull())
    .addColumn("server_proven", "integer", (c) => c.notNull())
    .addColumn("client_proven", "integer", (c) => c.notNull())
    .addColumn("forward_secret", "integer", (c) => c.notNull())
    .addColumn("credential", "text", (c) => c.notNull())
    .addUniqueConstraint("history_profiles_all", [
      "level",
      "protocol",
      "cipher",
      "key_group",
      "pq",
      "server_proven",
      "client_proven",
      "forward_secret",
      "credential",
    ])
    .execute();
  await db.schema
    .createTable("history_names")
    .addColumn("id", "integer", (c) => c.primaryKey())
    .addColumn("sort", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addUniqueConstraint("history_names_name", ["sort", "name"])
    .execute();
}
