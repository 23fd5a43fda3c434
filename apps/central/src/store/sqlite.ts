import { chmodSync } from "node:fs";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { TautlineError } from "@tautline/protocol";
import type { SqliteDatabase } from "kysely";
import { explainStoreError } from "./store-error.ts";

const BUSY_TIMEOUT_MS = 2_000;

/**
 * Opens the database file for this process alone: write-ahead log, fsync at every commit, damage looked for.
 *
 * @param file path of central.db; made with mode 0600 where it does not exist
 * @returns what kysely's SQLite dialect needs
 * @throws store.locked, store.damaged, store.failed
 */
export function openSqlite(file: string): SqliteDatabase {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
    chmodSync(file, 0o600);
    // Exclusive: a second central on the same folder is refused by the kernel's lock, which dies with its process.
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA synchronous = FULL");
    db.exec("PRAGMA trusted_schema = OFF");
    db.exec("PRAGMA cell_size_check = ON");
    db.exec("BEGIN IMMEDIATE; COMMIT");
    refuseDamage(db, file);
    return adapt(db);
  } catch (error) {
    db?.close();
    throw explainStoreError(error, file);
  }
}

function refuseDamage(db: DatabaseSync, file: string): void {
  const [first] = db.prepare("PRAGMA quick_check(1)").all();
  const verdict = String(Object.values(first ?? {})[0] ?? "no answer");
  if (verdict !== "ok") {
    throw new TautlineError("store.damaged", { detail: { file, reason: verdict } });
  }
}

/** Statements are kept prepared: the same few dozen texts come again with every message. */
function adapt(db: DatabaseSync): SqliteDatabase {
  const prepared = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    const known = prepared.get(sql) ?? db.prepare(sql);
    prepared.set(sql, known);
    return known;
  };
  return {
    close: () => db.close(),
    prepare: (sql) => {
      const statement = prepare(sql);
      return {
        reader: statement.columns().length > 0,
        all: (values) => statement.all(...(values as SQLInputValue[])),
        run: (values) => statement.run(...(values as SQLInputValue[])),
        iterate: (values) => db.prepare(sql).iterate(...(values as SQLInputValue[])),
      };
    },
  };
}
