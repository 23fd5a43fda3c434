import { type ErrorCode, isTautlineError, TautlineError } from "@tautline/protocol";

/** SQLite's primary result codes (sqlite.org/rescode.html), low byte of the extended code. */
const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const FULL = 13;
const NOT_A_DATABASE = 26;

/**
 * Names what the database refused, so that a person knows whether to free the disk, restore a backup or stop a second central.
 *
 * @param error what node:sqlite or kysely threw
 * @param file the database file, for the message
 * @returns a store.* error; what did not come from SQLite is returned unchanged
 */
export function explainStoreError(error: unknown, file: string): unknown {
  const extended = (error as { errcode?: unknown } | undefined)?.errcode;
  if (isTautlineError(error) || typeof extended !== "number") return error;
  const detail = { file, reason: error instanceof Error ? error.message : String(error) };
  return new TautlineError(codeOf(extended & 0xff), { cause: error, detail });
}

function codeOf(primaryResult: number): ErrorCode {
  switch (primaryResult) {
    case BUSY:
    case LOCKED:
      return "store.locked";
    case CORRUPT:
    case NOT_A_DATABASE:
      return "store.damaged";
    case FULL:
      return "store.full";
    default:
      return "store.failed";
  }
}
