import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** What senders of telemetry may claim to be, and whether a backend asks for that. */
export const telemetryClaims: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .alterTable("receiver_backends")
      .addColumn("claims", "text", (c) => c.notNull().defaultTo("off"))
      .execute();
    await db.schema
      .createTable("receiver_claimants")
      .addColumn("claimant", "text", (c) => c.primaryKey())
      .addColumn("namespace", "text", (c) => c.notNull())
      .addColumn("services", "text", (c) => c.notNull())
      .addColumn("instances", "text", (c) => c.notNull())
      .addColumn("created_at", "bigint", (c) => c.notNull())
      .addColumn("created_by", "text", (c) => c.notNull())
      .execute();
    // As for backends and tokens (migration 0017): every process on this database reads them anew.
    for (const event of ["INSERT", "UPDATE", "DELETE"]) {
      const name = `receiver_claimants_${event.toLowerCase()}`;
      const count = "UPDATE counters SET value = value + 1 WHERE name = 'receiver'";
      await sql
        .raw(`CREATE TRIGGER ${name} AFTER ${event} ON receiver_claimants BEGIN ${count}; END`)
        .execute(db);
    }
  },
};
