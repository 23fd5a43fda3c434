import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { TautlineError } from "@tautline/protocol";
import { explainStoreError } from "./store-error.ts";

const BUSY_TIMEOUT_MS = 2_000;
const PRIVATE = 0o600;

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
