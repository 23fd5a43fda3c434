import { setImmediate as nextTurn } from "node:timers/promises";
import type { TrailCheckpoint, TrailEntry } from "@tautline/protocol";
import type { Store } from "../store/store.ts";
import { type KeptCheckpoint, readCheckpoints } from "./checkpoint-store.ts";

/** Where to read on. */
export interface TrailPlace {
  /** Number of the last entry that was read. */
  readonly seq: number;
  /** Number of the last checkpoint that was read. */
  readonly checkpoint: number;
}

/** Before everything: also before an entry that somebody put before the first. */
export const TRAIL_BEGINNING: TrailPlace = { seq: Number.MIN_SAFE_INTEGER, checkpoint: 0 };

const ENTRIES_PAGE = 200;
const CHECKPOINTS_PAGE = 50;

/**
 * Reads the trail in order, each checkpoint behind the entry that it names; those that name no entry that is there come last. Page by
 * page, so that neither memory nor the other work of this process depends on the length of the trail.
 *
 * @param store central's database
 * @param after where to read on
 * @returns yields up to a page at a time; returns the place it came to
 */
export async function* readTrail(
  store: Store,
  after: TrailPlace,
): AsyncGenerator<readonly (TrailEntry | TrailCheckpoint)[], TrailPlace> {
  const checkpoints = new CheckpointQueue(store, after.checkpoint);
  let { seq } = after;
  for (;;) {
    const entries = await readEntries(store, seq);
    const lines: (TrailEntry | TrailCheckpoint)[] = await checkpoints.upTo(seq);
    for (const entry of entries) {
      lines.push(entry, ...(await checkpoints.upTo(entry.seq)));
      seq = entry.seq;
    }
    if (entries.length < ENTRIES_PAGE) {
      yield [...lines, ...(await checkpoints.upTo(Number.MAX_SAFE_INTEGER))];
      return { seq, checkpoint: checkpoints.last };
    }
    yield lines;
    await nextTurn();
  }
}

class CheckpointQueue {
  readonly #store: Store;
  readonly #waiting: KeptCheckpoint[] = [];
  #read: number;
  #isAll = false;
  /** Number of the last one given out. */
  last: number;

  constructor(store: Store, after: number) {
    this.#store = store;
    this.#read = after;
    this.last = after;
  }

  async upTo(seq: number): Promise<TrailCheckpoint[]> {
    const lines: TrailCheckpoint[] = [];
    for (;;) {
      if (this.#waiting.length === 0 && !this.#isAll) await this.#fill();
      const [next] = this.#waiting;
      if (next === undefined || next.seq > seq) return lines;
      this.#waiting.shift();
      this.last = next.number;
      lines.push({ type: "checkpoint", checkpoint: next.signed });
    }
  }

  async #fill(): Promise<void> {
    const page = await readCheckpoints(this.#store, this.#read, CHECKPOINTS_PAGE);
    this.#waiting.push(...page);
    this.#read = page.at(-1)?.number ?? this.#read;
    this.#isAll = page.length < CHECKPOINTS_PAGE;
  }
}

function readEntries(store: Store, after: number): Promise<TrailEntry[]> {
  return store.read(async (db) => {
    const rows = await db
      .selectFrom("audit")
      .selectAll()
      .where("seq", ">", after)
      .orderBy("seq")
      .limit(ENTRIES_PAGE)
      .execute();
    return rows.map(({ seq, previous, hash, body }) => {
      return { type: "entry", seq, previous, hash, body };
    });
  });
}
