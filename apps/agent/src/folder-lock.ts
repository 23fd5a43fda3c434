import { closeSync, constants, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { TautlineError } from "@tautline/protocol";

const SQLITE_BUSY = 5;

/** Proof that this process alone uses a data folder, until it is released or the process ends in whatever way. */
export interface FolderLock {
  release(): void;
}

/**
 * Takes the lock of a data folder, or refuses at once.
 *
 * Node has no file lock of its own; SQLite's is a lock of the kernel, on every system, so it cannot outlive a killed
 * process the way a PID file or a socket does. The file stays empty.
 *
 * @param file the lock's path; its folder must exist
 * @param dataDir the folder, for the message
 * @throws agent.already_running, agent.folder_unusable
 */
export function takeFolderLock(file: string, dataDir: string): FolderLock {
  let database: DatabaseSync | undefined;
  try {
    // SQLite would make the file with the umask's mode.
    closeSync(openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
    database = new DatabaseSync(file);
    database.exec("PRAGMA busy_timeout=0; PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    if ((cause as { errcode?: number }).errcode === SQLITE_BUSY) {
      throw new TautlineError("agent.already_running", { cause, detail: { dataDir } });
    }
    const reason = (cause as NodeJS.ErrnoException).code ?? "the lock cannot be taken";
    throw new TautlineError("agent.folder_unusable", { cause, detail: { dataDir, reason } });
  }
  const held = database;
  return { release: () => held.close() };
}
