import { createHash } from "node:crypto";
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { TautlineError } from "@tautline/protocol";

/*
 * SQLite checks the shape of its pages and not their content: one bit that changed on the disk would make a revoked agent
 * active. So each table that decides who may do what has a seal: the sum of the hashes of its rows, kept in the same
 * transaction as every change of them, and compared at each start (F12). The trail has its chain, sealed columns have the vault.
 * It is no signature: whoever may write the file can write the seal.
 */

/** Tables with a seal, and what of them is left out: what agents report changes with every message and decides nothing. */
const SEALED: Readonly<Record<string, readonly string[]>> = {
  agents: [
    "version",
    "attributes",
    "health",
    "last_seen_at",
    "level",
    "key_group",
    "config_hash",
    "config_status",
    "config_error",
    "instruction_seq",
    "clock_offset_ms",
    "addresses_hash",
    "addresses_offered",
    "addresses_status",
    "addresses_error",
    "addresses_at",
    "promotion_told_at",
    "move_status",
    "move_error",
    "move_seq",
    "move_at",
  ],
  approvals: [],
  authorities: [],
  certificates: [],
  deleted_agents: [],
  forwards: [],
  instructors: [],
  key_names: [],
  key_versions: [],
  keys: [],
  link_policies: [],
  listeners: [],
  namespaces: [],
  operators: [],
  plaintext_reopenings: [],
  policy_change_agents: [],
  policy_changes: ["spent_ms"],
  policy_exceptions: [],
  receiver_backends: [],
  receiver_claimants: [],
  receiver_clients: [],
  receiver_tokens: [],
  program_names: [],
  reserved_keys: [],
  settings: [],
  tokens: [],
  vault_header: [],
};

const MODULUS = 1n << 256n;
const FUNCTION = "tautline_seal";

type Value = SQLOutputValue;

/**
 * Compares each sealed table with its seal, by the columns that it had when it was sealed; to be done before a migration.
 *
 * @param db open; one that was never sealed passes
 * @param file its path, for the message
 * @throws store.damaged naming the table
 */
export function checkRowSeals(db: DatabaseSync, file: string): void {
  if (columnsOf(db, "meta").length === 0) return;
  const facts = db.prepare("SELECT key, value FROM meta WHERE key LIKE 'seal%'").all();
  const known = new Map(facts.map(({ key, value }) => [String(key), String(value)]));
  for (const table of Object.keys(SEALED)) {
    const [sum, columns] = [known.get(sumKey(table)), known.get(columnsKey(table))];
    if (sum === undefined && columns === undefined) continue;
    const present = new Set(columnsOf(db, table));
    const sealed = (columns ?? "").split(",");
    const isWhole = sealed.every((column) => present.has(column));
    if (isWhole && sum === sumOf(db, table, sealed)) continue;
    const reason = `the table '${table}' is not what was written`;
    throw new TautlineError("store.damaged", { detail: { file, reason } });
  }
}

/**
 * Keeps the seals with every change from here on; to be done after a migration.
 *
 * @param db open, its tables those of this version, and checked
 * @param isMigrated whether tables were changed since the check: they are then sealed anew, as they are where they never were
 */
export function keepRowSeals(db: DatabaseSync, isMigrated: boolean): void {
  db.function(FUNCTION, { varargs: true }, (sum: unknown, sign: unknown, ...row: unknown[]) =>
    added(String(sum), Number(sign), row as Value[]),
  );
  for (const [table, leftOut] of Object.entries(SEALED)) {
    const columns = columnsOf(db, table).filter((column) => !leftOut.includes(column));
    if (isMigrated || !isSealed(db, table)) seal(db, table, columns);
    installTriggers(db, table, columns);
  }
}

function isSealed(db: DatabaseSync, table: string): boolean {
  return db.prepare("SELECT 1 FROM meta WHERE key = ?").get(columnsKey(table)) !== undefined;
}

/** Both facts or none. */
function seal(db: DatabaseSync, table: string, columns: readonly string[]): void {
  const put =
    "INSERT INTO meta (key, value) VALUES (?, ?), (?, ?) " +
    "ON CONFLICT (key) DO UPDATE SET value = excluded.value";
  const sum = sumOf(db, table, columns);
  db.prepare(put).run(sumKey(table), sum, columnsKey(table), columns.join(","));
}

/** Triggers of this connection alone: a program without the function could not write to the file otherwise. */
function installTriggers(db: DatabaseSync, table: string, columns: readonly string[]): void {
  const row = (of: "OLD" | "NEW"): string => columns.map((column) => `${of}.${column}`).join(", ");
  const minus = (value: string): string => `${FUNCTION}(${value}, -1, ${row("OLD")})`;
  const plus = (value: string): string => `${FUNCTION}(${value}, 1, ${row("NEW")})`;
  const events: [name: string, event: string, value: string][] = [
    ["insert", "INSERT", plus("value")],
    ["delete", "DELETE", minus("value")],
    ["update", `UPDATE OF ${columns.join(", ")}`, plus(minus("value"))],
  ];
  for (const [name, event, value] of events) {
    db.exec(
      `CREATE TEMP TRIGGER seal_${table}_${name} AFTER ${event} ON main.${table} BEGIN ` +
        `UPDATE meta SET value = ${value} WHERE key = '${sumKey(table)}'; END`,
    );
  }
}

function sumOf(db: DatabaseSync, table: string, columns: readonly string[]): string {
  const rows = db.prepare(`SELECT ${columns.join(", ")} FROM ${table}`);
  rows.setReturnArrays(true);
  let sum = 0n;
  for (const row of rows.iterate()) sum += hashOf(row as unknown as Value[]);
  return written(sum % MODULUS);
}

function added(sum: string, sign: number, row: readonly Value[]): string {
  const hash = hashOf(row);
  return written((BigInt(`0x${sum}`) + (sign < 0 ? MODULUS - hash : hash)) % MODULUS);
}

function hashOf(row: readonly Value[]): bigint {
  const text = JSON.stringify(
    row.map((value) => (value instanceof Uint8Array ? [hex(value)] : value)),
  );
  return BigInt(`0x${createHash("sha256").update(text).digest("hex")}`);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function written(sum: bigint): string {
  return sum.toString(16).padStart(64, "0");
}

function columnsOf(db: DatabaseSync, table: string): string[] {
  return db
    .prepare("SELECT name FROM pragma_table_info(?) ORDER BY name")
    .all(table)
    .map(({ name }) => String(name));
}

function sumKey(table: string): string {
  return `seal ${table}`;
}

function columnsKey(table: string): string {
  return `seal-columns ${table}`;
}
