import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Keys that sign checkpoints of the audit trail, the checkpoints, and what agents have seen that is not in this trail. */
export const auditCheckpoints: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable("audit_keys")
      .addColumn("number", "integer", (c) => c.primaryKey())
      .addColumn("statement", "text", (c) => c.notNull())
      .addColumn("statement_signature", "blob", (c) => c.notNull())
      .addColumn("sealed_key", "blob", (c) => c.notNull())
      .execute();
    await db.schema
      .createTable("audit_checkpoints")
      .addColumn("number", "integer", (c) => c.primaryKey())
      .addColumn("seq", "integer", (c) => c.notNull())
      .addColumn("hash", "text", (c) => c.notNull())
      .addColumn("body", "text", (c) => c.notNull())
      .addColumn("signature", "blob", (c) => c.notNull())
      .addColumn("key_number", "integer", (c) => c.notNull().references("audit_keys.number"))
      .execute();
    await db.schema
      .createTable("audit_forks")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("seen", "text", (c) => c.notNull())
      .addColumn("shown", "text", (c) => c.notNull())
      .addColumn("found_at", "bigint", (c) => c.notNull())
      .addColumn("acknowledged_at", "bigint")
      .execute();
    await db.schema
      .createTable("audit_fork_witnesses")
      .addColumn("fork_id", "text", (c) => c.notNull().references("audit_forks.id"))
      .addColumn("agent_id", "text", (c) => c.notNull())
      .addColumn("found_at", "bigint", (c) => c.notNull())
      .addPrimaryKeyConstraint("audit_fork_witnesses_key", ["fork_id", "agent_id"])
      .execute();
  },
};
