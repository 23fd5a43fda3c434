import { closeSync, fsyncSync, linkSync, openSync, rmSync, statSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { TautlineError } from "@tautline/protocol";

/*
 * A database gets its name only when its tables are complete. So whatever stands under that name was complete once, and an
 * empty file there is a lost database, not a new one.
 */

/**
 * The name a new database has until it is complete; a start that was cut off goes on with it.
 *
 * @param file its later path
 */
export function unpublishedName(file: string): string {
  return `${file}.new`;
}

/**
 * Gives the complete, closed new database its name.
 *
 * @param file where it shall be; a file that is there is never replaced
 * @throws store.failed
 */
export function publishDatabase(file: string): void {
  try {
    // Not by rename: that would replace what another central published in the same moment.
    linkSync(unpublishedName(file), file);
    unlinkSync(unpublishedName(file));
    const folder = openSync(dirname(file), "r");
    fsyncSync(folder);
    closeSync(folder);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "unknown cause";
    throw new TautlineError("store.failed", { cause, detail: { file, reason } });
  }
}

/** Removes what is left of a new database beside a published one: after a kill between the two steps it is its second name. */
export function removeUnpublished(file: string): void {
  rmSync(unpublishedName(file), { force: true });
}

/** sqlite.org/fileformat.html section 1.3.2. */
const SMALLEST_PAGE_BYTES = 512;

/**
 * Refuses a database file shorter than a page. SQLite would take it for a new one, and central would come up with a new
 * authority that no agent knows.
 *
 * @param file path of central.db
 * @throws store.damaged
 */
export function refuseCutOff(file: string): void {
  const { size } = statSync(file);
  if (size >= SMALLEST_PAGE_BYTES) return;
  const reason = `it has only ${size} bytes`;
  throw new TautlineError("store.damaged", { detail: { file, reason } });
}
