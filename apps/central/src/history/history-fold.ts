import { dayOf } from "./span.ts";
import type { SpanStore } from "./span-store.ts";
import type { StrangerStore } from "./stranger-store.ts";

/** Folds the whole fleet's history once a day, a slice a call. */
export interface HistoryFold {
  /**
   * Does the next slice, if today's round is not over. A round that a restart cut short begins anew: folding twice changes nothing.
   *
   * @returns false when nothing is left for today
   * @throws store.* ; the same slice is tried again with the next call
   */
  step(): Promise<boolean>;
}

/** What folding needs. */
export interface HistoryFoldDeps {
  readonly spans: Pick<SpanStore, "foldAfter">;
  readonly strangers: Pick<StrangerStore, "fold">;
  readonly now: () => number;
}

/**
 * Makes the fold; its first round begins with the first step.
 *
 * @param deps what is folded, and the clock
 */
export function createHistoryFold({ spans, strangers, now }: HistoryFoldDeps): HistoryFold {
  let day: number | undefined;
  let after: string | undefined;
  return {
    step: async () => {
      const today = dayOf(now());
      if (after === undefined) {
        if (day === today) return false;
        if (await strangers.fold()) return true;
        after = "";
      }
      after = await spans.foldAfter(after);
      if (after === undefined) day = today;
      return after !== undefined;
    },
  };
}
