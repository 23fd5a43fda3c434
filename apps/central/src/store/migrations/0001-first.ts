import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** The tables of the first release. */
export const firstRelease: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createBasics(db);
    await createAuthority(db);
    await createFleet(db);
    await createRecords(db);
  },
};

async function createBasics(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("meta")
    .addColumn("key", "text", (c) => c.primaryKey())
    .addColumn("value", "text", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("vault_header")
    .addColumn("id", "integer", (c) => c.primaryKey())
    .addColumn("header", "text", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("namespaces")
    .addColumn("name", "text", (c) => c.primaryKey())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("settings")
    .addColumn("namespace", "text", (c) => c.notNull())
    .addColumn("key", "text", (c) => c.notNull())
    .addColumn("value", "text", (c) => c.notNull())
    .addColumn("changed_at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("settings_key", ["namespace", "key"])
    .execute();
}

async function createAuthority(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("authorities")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("namespace", "text", (c) => c.notNull())
    .addColumn("certificate_pem", "text", (c) => c.notNull())
    .addColumn("sealed_key", "blob", (c) => c.notNull())
    .addColumn("serial", "text", (c) => c.notNull().unique())
    .addColumn("not_after", "bigint", (c) => c.notNull())
    .addUniqueConstraint("authorities_place", ["kind", "namespace"])
    .execute();
  await db.schema
    .createTable("instructors")
    .addColumn("epoch", "integer", (c) => c.primaryKey())
    .addColumn("public_key_pem", "text", (c) => c.notNull())
    .addColumn("sealed_key", "blob", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("certificates")
    .addColumn("serial", "text", (c) => c.primaryKey())
    .addColumn("issuer_id", "text", (c) => c.notNull().references("authorities.id"))
    .addColumn("agent_id", "text")
    .addColumn("purpose", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("pin", "text", (c) => c.notNull())
    .addColumn("pem", "text", (c) => c.notNull())
    .addColumn("not_before", "bigint", (c) => c.notNull())
    .addColumn("not_after", "bigint", (c) => c.notNull())
    .addColumn("revoked_at", "bigint")
    .execute();
  await db.schema
    .createIndex("certificates_agent")
    .on("certificates")
    .columns(["agent_id", "not_after"])
    .execute();
  await db.schema.createIndex("certificates_pin").on("certificates").column("pin").execute();
}

async function createFleet(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("tokens")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("namespace", "text", (c) => c.notNull().references("namespaces.name"))
    .addColumn("sealed_secret_hash", "blob", (c) => c.notNull())
    .addColumn("uses_allowed", "integer", (c) => c.notNull())
    .addColumn("uses_made", "integer", (c) => c.notNull().defaultTo(0))
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("created_by", "text", (c) => c.notNull())
    .addColumn("expires_at", "bigint", (c) => c.notNull())
    .addColumn("revoked_at", "bigint")
    .execute();
  await db.schema
    .createTable("agents")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("namespace", "text", (c) => c.notNull().references("namespaces.name"))
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("joined_at", "bigint", (c) => c.notNull())
    .addColumn("token_id", "text", (c) => c.notNull())
    .addColumn("client_pin", "text", (c) => c.notNull())
    .addColumn("server_pin", "text", (c) => c.notNull())
    .addColumn("version", "text", (c) => c.notNull())
    .addColumn("attributes", "text", (c) => c.notNull().defaultTo("{}"))
    .addColumn("health", "text")
    .addColumn("last_seen_at", "bigint")
    .addColumn("level", "text")
    .addColumn("key_group", "text")
    .addColumn("config_hash", "text")
    .addColumn("config_status", "text", (c) => c.notNull().defaultTo("unset"))
    .addColumn("config_error", "text", (c) => c.notNull().defaultTo(""))
    .addColumn("instruction_seq", "integer", (c) => c.notNull().defaultTo(0))
    .execute();
  await db.schema
    .createIndex("agents_namespace")
    .on("agents")
    .columns(["namespace", "name"])
    .execute();
}

async function createRecords(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("links")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("central_id", "text", (c) => c.notNull())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("agent_id", "text", (c) => c.notNull().references("agents.id"))
    .addColumn("component", "text", (c) => c.notNull())
    .addColumn("transport", "text", (c) => c.notNull())
    .addColumn("remote_address", "text", (c) => c.notNull())
    .addColumn("level", "text", (c) => c.notNull())
    .addColumn("protocol", "text")
    .addColumn("cipher", "text")
    .addColumn("key_group", "text")
    .addColumn("pq", "integer", (c) => c.notNull())
    .addColumn("server_proven", "integer", (c) => c.notNull())
    .addColumn("client_proven", "integer", (c) => c.notNull())
    .addColumn("forward_secret", "integer", (c) => c.notNull())
    .addColumn("peer_id", "text")
    .addColumn("peer_serial", "text")
    .addColumn("key_id", "text")
    .addColumn("since", "bigint", (c) => c.notNull())
    .addColumn("last_message_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("links_agent").on("links").column("agent_id").execute();
  await db.schema
    .createTable("instructions")
    .addColumn("agent_id", "text", (c) => c.notNull().references("agents.id"))
    .addColumn("epoch", "integer", (c) => c.notNull())
    .addColumn("seq", "integer", (c) => c.notNull())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("digest", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("expires_at", "bigint", (c) => c.notNull())
    .addColumn("outcome", "text", (c) => c.notNull())
    .addColumn("code", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("instructions_key", ["agent_id", "epoch", "seq"])
    .execute();
  await db.schema
    .createTable("audit")
    .addColumn("seq", "integer", (c) => c.primaryKey())
    .addColumn("previous", "text", (c) => c.notNull())
    .addColumn("hash", "text", (c) => c.notNull())
    .addColumn("body", "text", (c) => c.notNull())
    .execute();
}
