import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** What agents say of their edges, telemetry of their hosts' programs on its way here. */
export const edgeReports: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema.alterTable("agents").addColumn("edge_report", "text").execute();
    await db.schema.alterTable("agents").addColumn("edge_told_at", "bigint").execute();
    await db.schema.alterTable("agents").addColumn("edge_lost_at", "bigint").execute();
  },
};
