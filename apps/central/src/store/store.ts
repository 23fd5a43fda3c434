import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { Kysely, type Transaction } from "kysely";
import { type MigrationProvider, Migrator } from "kysely/migration";
import { createGroupCommit } from "./group-commit.ts";
import { firstRelease } from "./migrations/0001-first.ts";
import { renewal } from "./migrations/0002-renewal.ts";
import { operatorsRelease } from "./migrations/0003-operators.ts";
import { lifeOfAgents } from "./migrations/0004-life.ts";
import { revocation } from "./migrations/0005-revocation.ts";
import { auditCheckpoints } from "./migrations/0006-audit-checkpoints.ts";
import { network } from "./migrations/0008-network.ts";
import { claims } from "./migrations/0011-claims.ts";
import { evidenceHistory } from "./migrations/0007-evidence-history.ts";
import { sharedKeys } from "./migrations/0009-keys.ts";
import { listeners } from "./migrations/0010-listeners.ts";
import { forwards } from "./migrations/0012-forwards.ts";
import { services } from "./migrations/0013-services.ts";
import { moves } from "./migrations/0014-moves.ts";
import { policies } from "./migrations/0015-policies.ts";
import { policyChanges } from "./migrations/0016-policy-changes.ts";
import { receiver } from "./migrations/0017-receiver.ts";
import { programs } from "./migrations/0018-programs.ts";
import { reopenings } from "./migrations/0019-reopenings.ts";
import { telemetryClaims } from "./migrations/0020-telemetry-claims.ts";
import {
  publishDatabase,
  refuseCutOff,
  removeUnpublished,
  unpublishedName,
} from "./new-database.ts";
import { checkRowSeals, keepRowSeals } from "./row-seals.ts";
import type { Schema } from "./schema.ts";
import { createSqliteDialect } from "./sqlite-dialect.ts";
import { createSavepoints, openSqlite, rememberStatements } from "./sqlite.ts";
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
   * Reads outside any transaction: sees every write that was asked for before, and nothing that is not on the disk.
   *
   * @throws store.* with the database's own reason
   */
  read<T>(work: (db: Reader) => Promise<T>): Promise<T>;
  /**
   * Runs one piece of work as a transaction; when the promise resolves, its writes are on the disk, all or none. Works run one
   * after the other, and reads wait for them: work inside one must use its own argument and nothing else. Works that wait
   * together share one commit: what a work throws takes back it alone, what the database refuses takes back all of that commit.
   *
   * @throws store.* with the database's own reason; errors of `work` roll back and pass through
   */
  write<T>(work: (db: Writer) => Promise<T>): Promise<T>;
  /**
   * Runs one changing statement as `write` does its work, for the few that come with every message: it costs a third of the
   * time that the query builder takes.
   *
   * @param text SQL of all dialects, the same few texts again and again: they stay prepared
   * @param values one for each `?`
   * @throws store.* with the database's own reason
   */
  run(text: string, values: readonly (string | number | null)[]): Promise<void>;
  /** Why the database refused the last write; undefined where it took it. */
  trouble(): TautlineError | undefined;
  close(): Promise<void>;
}

const migrations: MigrationProvider = {
  getMigrations: async () => ({
    "0001-first": firstRelease,
    "0002-renewal": renewal,
    "0003-operators": operatorsRelease,
    "0004-life": lifeOfAgents,
    "0005-revocation": revocation,
    "0006-audit-checkpoints": auditCheckpoints,
    "0007-evidence-history": evidenceHistory,
    "0008-network": network,
    "0009-keys": sharedKeys,
    "0010-listeners": listeners,
    "0011-claims": claims,
    "0012-forwards": forwards,
    "0013-services": services,
    "0014-moves": moves,
    "0015-policies": policies,
    "0016-policy-changes": policyChanges,
    "0017-receiver": receiver,
    "0018-programs": programs,
    "0019-reopenings": reopenings,
    "0020-telemetry-claims": telemetryClaims,
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
    await (await openMigrated(unpublishedName(file))).db.destroy();
    publishDatabase(file);
  }
  refuseCutOff(file);
  refuseDamagedLog(file);
  return createStore(await openMigrated(file), file);
}

/** The database, by its query builder and as it is. */
interface Opened {
  readonly db: Kysely<Schema>;
  readonly raw: DatabaseSync;
}

function createStore({ db, raw }: Opened, file: string): Store {
  const writes = createGroupCommit<Writer>({
    transaction: (work) => db.transaction().execute(work),
    savepoints: createSavepoints(raw),
  });
  const prepared = rememberStatements(raw);
  let trouble: TautlineError | undefined;
  const noted = async <T>(write: Promise<T>): Promise<T> => {
    try {
      const result = await write;
      trouble = undefined;
      return result;
    } catch (error) {
      const explained = explainStoreError(error, file);
      if (isTautlineError(explained) && explained.code.startsWith("store.")) trouble = explained;
      throw explained;
    }
  };
  return {
    file,
    read: async (work) => {
      try {
        await writes.pending();
        return await work(db);
      } catch (error) {
        throw explainStoreError(error, file);
      }
    },
    write: (work) => noted(writes.add(work)),
    run: (text, values) => noted(writes.addStatement(() => void prepared(text).run(...values))),
    trouble: () => trouble,
    close: async () => {
      await writes.pending();
      await db.destroy();
    },
  };
}

async function openMigrated(file: string): Promise<Opened> {
  const raw = openSqlite(file);
  const db = new Kysely<Schema>({ dialect: createSqliteDialect(raw) });
  try {
    checkRowSeals(raw, file);
    keepRowSeals(raw, await migrate(db, file));
    return { db, raw };
  } catch (error) {
    await db.destroy();
    // kysely closes only what it has used; a database left open would stay locked.
    if (raw.isOpen) raw.close();
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
