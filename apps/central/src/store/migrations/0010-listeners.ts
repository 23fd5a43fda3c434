import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** What was set of the ports for agents while central ran. */
export const listeners: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable("listeners")
      .addColumn("name", "text", (c) => c.primaryKey())
      .addColumn("bind", "text")
      .addColumn("port", "integer")
      .addColumn("levels", "text")
      .addColumn("shared", "integer")
      .addColumn("changed_at", "bigint", (c) => c.notNull())
      .execute();
  },
};
