import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Certificates of programs beside those of agents, and which names agents may have for their hosts' programs. */
export const programs: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema.alterTable("certificates").addColumn("program_namespace", "text").execute();
    await db.schema.alterTable("certificates").addColumn("program_agent", "text").execute();
    await db.schema
      .createIndex("certificates_program")
      .on("certificates")
      .columns(["program_agent", "not_after"])
      .execute();
    await db.schema
      .createTable("program_names")
      .addColumn("namespace", "text", (c) => c.notNull().references("namespaces.name"))
      .addColumn("agent_id", "text", (c) => c.notNull())
      .addColumn("name", "text", (c) => c.notNull())
      .addColumn("use", "text", (c) => c.notNull())
      .addColumn("created_at", "bigint", (c) => c.notNull())
      .addColumn("created_by", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("program_names_key", ["namespace", "agent_id", "name"])
      .execute();
  },
};
