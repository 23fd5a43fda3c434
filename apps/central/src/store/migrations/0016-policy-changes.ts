import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Changes of policy with the agents that each has to do with. */
export const policyChanges: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .createTable("policy_changes")
      .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
      .addColumn("namespace", "text", (c) => c.notNull())
      .addColumn("kinds_json", "text", (c) => c.notNull())
      .addColumn("policy_json", "text", (c) => c.notNull())
      .addColumn("places_json", "text", (c) => c.notNull())
      .addColumn("step", "text", (c) => c.notNull())
      .addColumn("reason", "text", (c) => c.notNull())
      .addColumn("undone_by", "text", (c) => c.notNull())
      .addColumn("spent_ms", "bigint", (c) => c.notNull())
      .addColumn("window_ms", "bigint", (c) => c.notNull())
      .addColumn("undo_if", "real", (c) => c.notNull())
      .addColumn("may_undo", "integer", (c) => c.notNull())
      .addColumn("started_by", "text", (c) => c.notNull())
      .addColumn("started_at", "bigint", (c) => c.notNull())
      .addColumn("step_at", "bigint", (c) => c.notNull())
      .addColumn("ended_at", "bigint")
      .addColumn("totals_json", "text", (c) => c.notNull())
      .addColumn("heard_before_json", "text")
      .addColumn("heard_after_json", "text")
      .addColumn("counts_json", "text")
      .addColumn("settled", "integer", (c) => c.notNull())
      .execute();
    await createAgents(db);
  },
};

async function createAgents(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("policy_change_agents")
    .addColumn("change_id", "integer", (c) => c.notNull().references("policy_changes.id"))
    .addColumn("agent_id", "text", (c) => c.notNull())
    .addColumn("namespace", "text", (c) => c.notNull())
    .addColumn("verdict", "text", (c) => c.notNull())
    .addColumn("watched", "integer", (c) => c.notNull())
    .addColumn("move_to", "text")
    .addColumn("lacking_json", "text", (c) => c.notNull())
    .addColumn("met", "integer", (c) => c.notNull())
    .addColumn("excepted", "integer", (c) => c.notNull())
    .addColumn("lost", "integer", (c) => c.notNull())
    .addColumn("ended", "integer", (c) => c.notNull())
    .addColumn("code", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("policy_change_agents_key", ["change_id", "agent_id"])
    .execute();
}
