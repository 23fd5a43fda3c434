import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Allowances of the other direction: services of agents that operators may open. What was allowed before is for agents. */
export const services: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .alterTable("forwards")
      .addColumn("direction", "text", (c) => c.notNull().defaultTo("out"))
      .execute();
    await db.schema
      .alterTable("forwards")
      .addColumn("operator_role", "text", (c) => c.notNull().defaultTo(""))
      .execute();
  },
};
