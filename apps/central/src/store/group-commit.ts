import { setImmediate as nextTurn } from "node:timers/promises";

/** Marks inside a transaction to which the database can go back. */
export interface Savepoints {
  /** Sets a mark. */
  set(): void;
  /** Keeps what was done since the mark, and forgets the mark. */
  keep(): void;
  /**
   * Takes back what was done since the mark, and forgets it.
   *
   * @returns false where the database has given up the whole transaction by itself (a full disk, a failed fsync)
   */
  takeBack(): boolean;
  /** Whether there still is a transaction. */
  isOpen(): boolean;
}

/** The database as writes that share a commit see it. */
export interface GroupCommitDeps<Db> {
  /** Runs one transaction; when the promise resolves, it is on the disk. */
  readonly transaction: (work: (db: Db) => Promise<void>) => Promise<void>;
  readonly savepoints: Savepoints;
}

/** Writes that wait together and share one commit, that is one fsync. */
export interface GroupCommit<Db> {
  /**
   * Does a piece of work, after all that were added before it, in a transaction that others may share.
   *
   * @param work what it throws takes back this work alone
   * @returns resolves when the work is on the disk
   */
  add<T>(work: (db: Db) => Promise<T>): Promise<T>;
  /**
   * The same for a single statement, which needs no mark to be taken back alone.
   *
   * @param run runs it; returns when it is done
   */
  addStatement(run: () => void): Promise<void>;
  /** Resolves when all that was added until now is on the disk or was refused; undefined when nothing waits. */
  pending(): Promise<void> | undefined;
}

/** Bounds how long a turn of the event loop may get: at some 40 µs a small write these take about 10 ms. */
export const MOST_WRITES_TOGETHER = 256;

interface Waiting<Db> {
  readonly job:
    | { readonly kind: "work"; readonly work: (db: Db) => Promise<unknown> }
    | { readonly kind: "statement"; readonly run: () => void };
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes the queue of writes. A synchronous database leaves no moment in which a second write could come to wait for the first,
 * so each group waits for one turn of the event loop: what all sockets brought in that turn is committed together (decision 0015).
 *
 * @param deps the database
 */
export function createGroupCommit<Db>(deps: GroupCommitDeps<Db>): GroupCommit<Db> {
  const waiting: Waiting<Db>[] = [];
  let newest: Promise<unknown> | undefined;
  let isRunning = false;
  const run = async (): Promise<void> => {
    isRunning = true;
    while (waiting.length > 0) {
      await nextTurn();
      await commitTogether(deps, waiting.splice(0, MOST_WRITES_TOGETHER));
    }
    isRunning = false;
    newest = undefined;
  };
  const add = (job: Waiting<Db>["job"]): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    waiting.push({ job, resolve, reject });
    newest = promise;
    if (!isRunning) void run();
    return promise;
  };
  return {
    add: <T>(work: (db: Db) => Promise<T>) => add({ kind: "work", work }) as Promise<T>,
    addStatement: (statement) => add({ kind: "statement", run: statement }) as Promise<void>,
    pending: () => newest?.then(ignore, ignore),
  };
}

function ignore(): void {}

/** Never rejects: whoever added a work is told. */
async function commitTogether<Db>(
  { transaction, savepoints }: GroupCommitDeps<Db>,
  group: readonly Waiting<Db>[],
): Promise<void> {
  const outcomes: Outcome[] = [];
  try {
    await transaction(async (db) => {
      for (const { job } of group) {
        outcomes.push(
          job.kind === "work"
            ? await attempt(db, savepoints, job.work)
            : attemptStatement(savepoints, job.run),
        );
      }
    });
  } catch (error) {
    // The database failed, not a work: nothing of this commit is on the disk.
    for (const { reject } of group) reject(error);
    return;
  }
  // Nobody is told anything before the commit.
  for (const [at, { resolve, reject }] of group.entries()) {
    const outcome = outcomes[at];
    if (outcome?.ok === true) resolve(outcome.result);
    else reject(outcome?.error);
  }
}

type Outcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: unknown };

/** @throws the work's error where the database gave up the whole transaction */
async function attempt<Db>(
  db: Db,
  savepoints: Savepoints,
  work: (db: Db) => Promise<unknown>,
): Promise<Outcome> {
  savepoints.set();
  try {
    const result = await work(db);
    savepoints.keep();
    return { ok: true, result };
  } catch (error) {
    if (!savepoints.takeBack()) throw error;
    return { ok: false, error };
  }
}

/** A statement that fails has changed nothing (sqlite.org/lang_conflict.html, ABORT; the standard says the same). */
function attemptStatement(savepoints: Savepoints, run: () => void): Outcome {
  try {
    run();
    return { ok: true, result: undefined };
  } catch (error) {
    if (!savepoints.isOpen()) throw error;
    return { ok: false, error };
  }
}
