import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** People and programs that use the API; of a token only a sealed hash is kept. */
export const operatorsRelease: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable("operators")
      .addColumn("name", "text", (c) => c.primaryKey())
      .addColumn("token_id", "text", (c) => c.notNull().unique())
      .addColumn("role", "text", (c) => c.notNull())
      .addColumn("namespace", "text", (c) => c.notNull())
      .addColumn("sealed_secret_hash", "blob", (c) => c.notNull())
      .addColumn("created_at", "bigint", (c) => c.notNull())
      .addColumn("created_by", "text", (c) => c.notNull())
      .addColumn("expires_at", "bigint", (c) => c.notNull())
      .addColumn("disabled_at", "bigint")
      .execute();
  },
};
