import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Approval, quarantine, replacement, and what is left of deleted agents. */
export const lifeOfAgents: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .alterTable("tokens")
      .addColumn("approve", "integer", (column) => column.notNull().defaultTo(0))
      .execute();
    await db.schema.alterTable("agents").addColumn("quarantined_at", "bigint").execute();
    for (const name of ["quarantined_from", "replaced_by"]) {
      await db.schema.alterTable("agents").addColumn(name, "text").execute();
    }
    await db.schema.createIndex("agents_replaced_by").on("agents").column("replaced_by").execute();
    await createApprovals(db);
    await createRemains(db);
  },
};

async function createApprovals(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("approvals")
    .addColumn("agent_id", "text", (c) => c.primaryKey().references("agents.id"))
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("client_pin", "text", (c) => c.notNull())
    .addColumn("server_pin", "text", (c) => c.notNull())
    .addColumn("remote_address", "text", (c) => c.notNull())
    .addColumn("requested_at", "bigint", (c) => c.notNull())
    .addColumn("expired_at", "bigint")
    .addColumn("decision", "text")
    .addColumn("decided_at", "bigint")
    .addColumn("decided_by", "text")
    .execute();
}

async function createRemains(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("deleted_agents")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("namespace", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("deleted_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("reserved_keys")
    .addColumn("pin", "text", (c) => c.primaryKey())
    .addColumn("agent_id", "text", (c) => c.notNull())
    .execute();
}
