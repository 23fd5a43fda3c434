import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/**
 * Revocation lists, the reason of each revocation, authorities that were replaced, and a counter that every process on this database watches: it rises with
 * whatever ends somebody's right to be here.
 */
export const revocation: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema.alterTable("certificates").addColumn("revoked_reason", "text").execute();
    await db.schema
      .createIndex("certificates_revoked")
      .on("certificates")
      .columns(["issuer_id", "serial"])
      .where(sql<boolean>`revoked_at IS NOT NULL`)
      .execute();
    await db.schema
      .createTable("crls")
      .addColumn("authority_id", "text", (c) => c.primaryKey().references("authorities.id"))
      .addColumn("number", "bigint", (c) => c.notNull())
      .addColumn("this_update", "bigint", (c) => c.notNull())
      .addColumn("next_update", "bigint", (c) => c.notNull())
      .addColumn("entries", "integer", (c) => c.notNull())
      .addColumn("covers", "text", (c) => c.notNull())
      .addColumn("der", "blob", (c) => c.notNull())
      .execute();
    await createCounter(db);
    // A place has one authority; the one before gives its kind up, since certificates still name it.
    await db.schema.alterTable("authorities").addColumn("retired_kind", "text").execute();
    await db.schema.alterTable("authorities").addColumn("retired_at", "bigint").execute();
  },
};

/**
 * Counted by the database itself, so that no writer, in whatever process and of whatever later release, can forget to. Triggers
 * are the one thing here that another database would have to be told in its own words.
 */
async function createCounter(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("counters")
    .addColumn("name", "text", (c) => c.primaryKey())
    .addColumn("value", "bigint", (c) => c.notNull())
    .execute();
  await sql`INSERT INTO counters (name, value) VALUES ('endings', 0)`.execute(db);
  const isNewlyRevoked = "WHEN NEW.revoked_at IS NOT NULL AND OLD.revoked_at IS NULL";
  const triggers = [
    ["certificate_revoked", `UPDATE OF revoked_at ON certificates ${isNewlyRevoked}`],
    ["certificate_deleted", "DELETE ON certificates"],
    ["token_revoked", `UPDATE OF revoked_at ON tokens ${isNewlyRevoked}`],
    ["token_deleted", "DELETE ON tokens"],
    [
      "agent_ended",
      "UPDATE OF state ON agents WHEN NEW.state <> OLD.state AND NEW.state <> 'active'",
    ],
    ["agent_deleted", "DELETE ON agents"],
  ] as const;
  for (const [name, event] of triggers) {
    const count = "UPDATE counters SET value = value + 1 WHERE name = 'endings'";
    await sql.raw(`CREATE TRIGGER ${name} AFTER ${event} BEGIN ${count}; END`).execute(db);
  }
}
