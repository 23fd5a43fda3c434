import type { AuditLog } from "../audit/audit-log.ts";
import { oneMoreRun } from "../revocation/one-more-run.ts";
import { isInRanges } from "../sources/source-range.ts";
import { readCounter } from "../store/counter.ts";
import type { Store } from "../store/store.ts";
import type { Reopening } from "./reopening.ts";
import { countDown, type TimeLeft } from "./reopening-rule.ts";
import { createReopeningStore, type ReopeningStore } from "./reopening-store.ts";

/** The re-openings that hold, in memory for those who judge callers by them. */
export interface Reopenings {
  /** All there are, on the disk. */
  readonly kept: ReopeningStore;
  /** Whether plaintext of a caller at this address is heard, to tell it where it can join. */
  covers(remoteAddress: string): boolean;
  /** Whether any holds now: central's plaintext port is public for as long. */
  isOpen(): boolean;
  /** Notes that somebody without an identity is told, on the disk when it resolves; no more often than once a minute. @throws store.* */
  noteTold(agentId: string, remoteAddress: string): Promise<void>;
  /** Reads what any process on this database has changed, and ends those whose time is over. Called by the clock, and after each change. @throws store.* */
  look(): Promise<void>;
}

/** What they need. */
export interface ReopeningsDeps {
  readonly store: Store;
  readonly audit: Pick<AuditLog, "append">;
  readonly now: () => number;
}

/** How often the clock looks. */
export const REOPENINGS_LOOK_MS = 1_000;
/** Whoever calls again is told again, and written down again after so long. */
const QUIET_MS = 60_000;

/**
 * Makes the table of re-openings; it is empty until its first `look`.
 *
 * @param deps database, trail, clock
 */
export function createReopenings(deps: ReopeningsDeps): Reopenings {
  const kept = createReopeningStore(deps);
  const table = new Table({ ...deps, kept });
  return {
    kept,
    covers: (remoteAddress) => table.covering(remoteAddress).length > 0,
    isOpen: () => table.open().length > 0,
    noteTold: (agentId, remoteAddress) => table.noteTold(agentId, remoteAddress),
    look: oneMoreRun(() => table.look()),
  };
}

type TableDeps = ReopeningsDeps & Pick<Reopenings, "kept">;

class Table {
  readonly #deps: TableDeps;
  #known: readonly Reopening[] = [];
  #left = new Map<number, TimeLeft>();
  #seen: number | undefined;
  /** When each agent was written down last. */
  readonly #told = new Map<string, number>();

  constructor(deps: TableDeps) {
    this.#deps = deps;
  }

  open(): readonly Reopening[] {
    return this.#known.filter((each) => this.#countDown(each, 0).leftMs > 0);
  }

  covering(remoteAddress: string): readonly Reopening[] {
    // Nearly always there is none: callers at any level come by here.
    if (this.#known.length === 0) return [];
    return this.open().filter(({ ranges }) => isInRanges(ranges, remoteAddress));
  }

  async noteTold(agentId: string, address: string): Promise<void> {
    const { kept, now } = this.#deps;
    const ids = this.covering(address).map(({ id }) => id);
    const key = `${agentId} ${ids.join()}`;
    const lastMs = this.#told.get(key);
    if (lastMs !== undefined && Math.abs(now() - lastMs) < QUIET_MS) return;
    await kept.noteTold({ agentId, address, ids });
    this.#told.set(key, now());
  }

  async look(): Promise<void> {
    const { store, kept, now } = this.#deps;
    const changes = await readCounter(store, "reopenings");
    if (changes !== this.#seen) {
      this.#known = await kept.open();
      // Counted before the rows were read: what changed meanwhile is read again at the next look.
      this.#seen = changes;
    }
    const left = this.#known.map((each) => ({
      each,
      time: this.#countDown(each, REOPENINGS_LOOK_MS),
    }));
    this.#left = new Map(left.map(({ each, time }) => [each.id, time]));
    for (const [key, atMs] of this.#told) {
      if (Math.abs(now() - atMs) >= QUIET_MS) this.#told.delete(key);
    }
    for (const { each, time } of left) {
      if (time.leftMs === 0) await kept.end(each.id, "central");
    }
  }

  #countDown(reopening: Reopening, everyMs: number): TimeLeft {
    return countDown(reopening, this.#left.get(reopening.id), this.#deps.now(), everyMs);
  }
}
