import { open, type FileHandle } from "node:fs/promises";
import { type Level, TautlineError } from "@tautline/protocol";

/** One status message that central acknowledged. */
export interface LedgerEntry {
  /** UUIDv7. */
  readonly agent: string;
  /** The message's OpAMP sequence number, also its attribute `swarm.sequence`. */
  readonly sequence: number;
  /** Its attribute `swarm.hash`. */
  readonly hash: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly atMs: number;
}

/** A renewal that central has proven: the first message under the new identity was answered. */
export interface RenewalEntry {
  /** UUIDv7. */
  readonly agent: string;
  /** Number of the identity. */
  readonly renewal: number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly atMs: number;
}

/** A level that an agent has climbed to: central has answered at it. */
export interface ClimbEntry {
  /** UUIDv7. */
  readonly agent: string;
  readonly level: Level;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly atMs: number;
}

/** The record of what central acknowledged: what stands in it must be found in central's store, whatever happened. */
export interface Ledger {
  /**
   * Adds an entry; when the promise resolves it is on the disk, and only then does the message count as acknowledged.
   *
   * @throws swarm.ledger_failed
   */
  append(entry: LedgerEntry | RenewalEntry | ClimbEntry): Promise<void>;
  /** Writes what is left and closes the file. */
  close(): Promise<void>;
}

/** Entries are gathered this long at most, so that one fsync serves many. */
const GATHER_MS = 10;
const PRIVATE = 0o600;

/** The part of an open file that a ledger uses. */
export type LedgerFile = Pick<FileHandle, "appendFile" | "datasync" | "close">;

/**
 * Makes a new ledger: JSON lines, mode 0600.
 *
 * @param file must not exist
 * @throws swarm.ledger_failed
 */
export async function createLedger(file: string): Promise<Ledger> {
  try {
    return ledgerOn(await open(file, "wx", PRIVATE), file);
  } catch (cause) {
    throw ledgerFailed(file, cause);
  }
}

/** A ledger that keeps nothing, for measurements that ask for none. */
export const noLedger: Ledger = { append: async () => {}, close: async () => {} };

/**
 * Makes a ledger on an open file. After a failed write nothing is acknowledged any more: what is on the disk is not known.
 *
 * @param handle opened for appending
 * @param file its name, for messages
 */
export function ledgerOn(handle: LedgerFile, file: string): Ledger {
  let lines: string[] = [];
  let next = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let broken: TautlineError | undefined;

  const writeBatch = async (): Promise<void> => {
    timer = undefined;
    const [batch, done] = [lines, next];
    lines = [];
    next = Promise.withResolvers<void>();
    try {
      if (broken !== undefined) throw broken;
      await handle.appendFile(batch.join(""));
      await handle.datasync();
      done.resolve();
    } catch (cause) {
      broken ??= ledgerFailed(file, cause);
      done.reject(broken);
    }
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    return (writing = writing.then(writeBatch));
  };
  return {
    append: (entry) => {
      lines.push(`${JSON.stringify(entry)}\n`);
      timer ??= setTimeout(() => void flush(), GATHER_MS);
      return next.promise;
    },
    close: async () => {
      if (lines.length > 0) {
        // Whoever appended is told by their own promise.
        next.promise.catch(() => {});
        await flush();
      }
      await writing;
      await handle.close();
      if (broken !== undefined) throw broken;
    },
  };
}

function ledgerFailed(file: string, cause: unknown): TautlineError {
  const reason = (cause as NodeJS.ErrnoException).code ?? "unknown cause";
  return new TautlineError("swarm.ledger_failed", { cause, detail: { file, reason } });
}
