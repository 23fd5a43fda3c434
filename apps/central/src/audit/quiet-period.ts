/** Tells what has not been said for a while, so that what repeats is not written again and again. */
export interface QuietPeriod {
  /** Whether this was not asked within the period before; from then on it counts as said. */
  isNews(key: string): boolean;
}

/**
 * Makes a memory of what was said.
 *
 * @param options `quietMs`: how long the same is not said again; `maxKeys`: how many are remembered, the oldest are forgotten
 */
export function createQuietPeriod(options: {
  readonly quietMs: number;
  readonly maxKeys: number;
  readonly now: () => number;
}): QuietPeriod {
  const { quietMs, maxKeys, now } = options;
  const saidAt = new Map<string, number>();
  return {
    isNews: (key) => {
      const nowMs = now();
      const last = saidAt.get(key);
      // A clock that was set back would else keep it quiet for as long as that.
      if (last !== undefined && nowMs >= last && nowMs - last < quietMs) return false;
      saidAt.delete(key);
      saidAt.set(key, nowMs);
      const [oldest] = saidAt.keys();
      if (saidAt.size > maxKeys && oldest !== undefined) saidAt.delete(oldest);
      return true;
    },
  };
}
