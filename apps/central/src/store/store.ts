import { TautlineError } from "@tautline/protocol";
import { Kysely, SqliteDialect, type Transaction } from "kysely";
import { Migrator, type MigrationProvider } from "kysely/migration";
import { firstRelease } from "./migrations/0001-first.ts";
import type { Schema } from "./schema.ts";
import { openSqlite } from "./sqlite.ts";
import { explainStoreError } from "./store-error.ts";

/** Reads or writes: the open database or a transaction on it. */
export type Reader = Kysely<Schema>;
export type Writer = Transaction<Schema>;

/** Central's database. */
export interface Store {
  readonly file: string;
  /**
   * Reads outside any transaction.
   *
   * @throws store.* with the database's own reason
   */
  read<T>(work: (db: Reader) => Promise<T>): Promise<T>;
  /**
   * Runs one transaction; when the promise resolves, its writes are on the disk, all or none.
   *
   * @throws store.* with the database's own reason; errors of `work` roll back and pass through
   */
  write<T>(work: (db: Writer) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const migrations: MigrationProvider = {
  getMigrations: async () => ({ "0001-first": firstRelease }),
};

/**
 * Opens central's database and brings its tables to this version.
 *
 * @param file path of central.db
 * @throws store.locked, store.damaged, store.newer_schema, store.failed
 */
export async function openStore(file: string): Promise<Store> {
  const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: openSqlite(file) }) });
  try {
    await migrate(db, file);
  } catch (error) {
    await db.destroy();
    throw explainStoreError(error, file);
  }
  const explained = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw explainStoreError(error, file);
    }
  };
  return {
    file,
    read: (work) => explained(work(db)),
    write: (work) => explained(db.transaction().execute(work)),
    close: () => db.destroy(),
  };
}

async function migrate(db: Kysely<Schema>, file: string): Promise<void> {
  const migrator = new Migrator({ db, provider: migrations });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  if (error instanceof Error && error.message.includes("corrupted migrations")) {
    throw new TautlineError("store.newer_schema", { cause: error, detail: { file } });
  }
  throw error;
}
