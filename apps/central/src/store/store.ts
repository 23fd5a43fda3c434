import { existsSync } from "node:fs";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { Kysely, type Transaction } from "kysely";
import { type MigrationProvider, Migrator } from "kysely/migration";
import { firstRelease } from "./migrations/0001-first.ts";
import { renewal } from "./migrations/0002-renewal.ts";
import { operatorsRelease } from "./migrations/0003-operators.ts";
import {
  publishDatabase,
  refuseCutOff,
  removeUnpublished,
  unpublishedName,
} from "./new-database.ts";
import { checkRowSeals, keepRowSeals } from "./row-seals.ts";
import type { Schema } from "./schema.ts";
import { createSqliteDialect } from "./sqlite-dialect.ts";
import { openSqlite } from "./sqlite.ts";
import { refuseDamagedLog } from "./wal-check.ts";
import { explainStoreError } from "./store-error.ts";

/** Reads: the open database. */
export type Reader = Kysely<Schema>;
/** Writes: a transaction on it. */
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
   * Runs one transaction; when the promise resolves, its writes are on the disk, all or none. Transactions run one after the
   * other, and reads wait for them: work inside one must use its own argument and nothing else.
   *
   * @throws store.* with the database's own reason; errors of `work` roll back and pass through
   */
  write<T>(work: (db: Writer) => Promise<T>): Promise<T>;
  /** Why the database refused the last write; undefined where it took it. */
  trouble(): TautlineError | undefined;
  close(): Promise<void>;
}

const migrations: MigrationProvider = {
  getMigrations: async () => ({
    "0001-first": firstRelease,
    "0002-renewal": renewal,
    "0003-operators": operatorsRelease,
  }),
};

/**
 * Opens central's database and brings its tables to this version; a new one appears under its name only when it is complete.
 *
 * @param file path of central.db
 * @throws store.locked, store.damaged, store.newer_schema, store.failed
 */
export async function openStore(file: string): Promise<Store> {
  if (existsSync(file)) {
    removeUnpublished(file);
  } else {
    await (await openMigrated(unpublishedName(file))).destroy();
    publishDatabase(file);
  }
  refuseCutOff(file);
  refuseDamagedLog(file);
  return createStore(await openMigrated(file), file);
}

function createStore(db: Kysely<Schema>, file: string): Store {
  let trouble: TautlineError | undefined;
  return {
    file,
    read: async (work) => {
      try {
        return await work(db);
      } catch (error) {
        throw explainStoreError(error, file);
      }
    },
    write: async (work) => {
      try {
        const result = await db.transaction().execute(work);
        trouble = undefined;
        return result;
      } catch (error) {
        const explained = explainStoreError(error, file);
        if (isTautlineError(explained) && explained.code.startsWith("store.")) trouble = explained;
        throw explained;
      }
    },
    trouble: () => trouble,
    close: () => db.destroy(),
  };
}

async function openMigrated(file: string): Promise<Kysely<Schema>> {
  const database = openSqlite(file);
  const db = new Kysely<Schema>({ dialect: createSqliteDialect(database) });
  try {
    checkRowSeals(database, file);
    keepRowSeals(database, await migrate(db, file));
    return db;
  } catch (error) {
    await db.destroy();
    // kysely closes only what it has used; a database left open would stay locked.
    if (database.isOpen) database.close();
    throw explainStoreError(error, file);
  }
}

/** Tells whether anything was changed. */
async function migrate(db: Kysely<Schema>, file: string): Promise<boolean> {
  const migrator = new Migrator({ db, provider: migrations });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error === undefined) return results.length > 0;
  if (error instanceof Error && error.message.includes("corrupted migrations")) {
    throw new TautlineError("store.newer_schema", { cause: error, detail: { file } });
  }
  throw error;
}
