import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { TautlineError } from "@tautline/protocol";
import type { Savepoints } from "./group-commit.ts";
import { explainStoreError } from "./store-error.ts";

const BUSY_TIMEOUT_MS = 2_000;
const PRIVATE = 0o600;
/** 16 MiB of log: pages that many commits change are copied back once. SQLite's own 1,000 halve the rate of a busy fleet's commits. */
const CHECKPOINT_PAGES = 4_000;

/**
 * Opens a database file for this process alone: write-ahead log, fsync at every commit, damage looked for.
 *
 * @param file path; made with mode 0600 where it does not exist, before SQLite puts anything in it (A14)
 * @returns the open database; its owner closes it
 * @throws store.locked, store.damaged, store.failed
 */
export function openSqlite(file: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    makePrivate(file);
    db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
    // Exclusive: a second central on the same folder is refused by the kernel's lock, which dies with its process.
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA synchronous = FULL");
    db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    db.exec("PRAGMA trusted_schema = OFF");
    db.exec("PRAGMA cell_size_check = ON");
    db.exec("BEGIN IMMEDIATE; COMMIT");
    refuseDamage(db, file);
    return db;
  } catch (error) {
    db?.close();
    throw explainStoreError(error, file);
  }
}

/**
 * Prepares each text of SQL once.
 *
 * @param db open
 * @returns gives the prepared statement of a text
 */
export function rememberStatements(db: DatabaseSync): (sql: string) => StatementSync {
  const prepared = new Map<string, StatementSync>();
  return (sql) => {
    const known = prepared.get(sql) ?? db.prepare(sql);
    prepared.set(sql, known);
    return known;
  };
}

/**
 * Makes marks in the transactions of a database, one at a time.
 *
 * @param db open; statements are prepared when the first mark is set
 */
export function createSavepoints(db: DatabaseSync): Savepoints {
  const statement = rememberStatements(db);
  const set = (): void => void statement("SAVEPOINT work").run();
  const keep = (): void => void statement("RELEASE work").run();
  const goBack = (): void => void statement("ROLLBACK TO work").run();
  return {
    set,
    keep,
    isOpen: () => db.isTransaction,
    takeBack: () => {
      // sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction".
      if (!db.isTransaction) return false;
      goBack();
      keep();
      return true;
    },
  };
}

function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, "a", PRIVATE));
    // The mode given above is for a new file alone.
    chmodSync(file, PRIVATE);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "unknown cause";
    throw new TautlineError("store.failed", { cause, detail: { file, reason } });
  }
}

function refuseDamage(db: DatabaseSync, file: string): void {
  const [first] = db.prepare("PRAGMA quick_check(1)").all();
  const verdict = String(Object.values(first ?? {})[0] ?? "no answer");
  if (verdict !== "ok") {
    throw new TautlineError("store.damaged", { detail: { file, reason: verdict } });
  }
}
