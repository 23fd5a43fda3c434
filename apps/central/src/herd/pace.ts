/** How fast visitors are served, and how many were told to come back and have their turn still before them. */
export interface Pace {
  /** Served a second, as last measured while somebody waited. */
  readonly perSecond: number;
  /** One was served. */
  served(someoneWaits: boolean): void;
  /** One is sent away; tells how many were before and are not due yet. */
  sendAway(): number;
}

/** Weight of the newest measurement. */
const NEWEST = 0.05;
const SLOWEST_PER_SECOND = 1;
const FASTEST_PER_SECOND = 10_000;

/**
 * Begins to measure. Only times between two turns while somebody waits count: else it would be measured how often somebody comes.
 * Those who were sent away come due at the same pace, so the last of a crowd is sent away for the longest.
 *
 * @param expectedPerSecond taken until it was measured
 * @param now milliseconds since any moment
 */
export function createPace(expectedPerSecond: number, now: () => number): Pace {
  let meanMs = 1_000 / expectedPerSecond;
  let lastMs: number | undefined;
  let away = 0;
  let awayAtMs = now();
  const perSecond = (): number =>
    Math.min(FASTEST_PER_SECOND, Math.max(SLOWEST_PER_SECOND, 1_000 / meanMs));
  return {
    get perSecond() {
      return perSecond();
    },
    served: (someoneWaits) => {
      const atMs = now();
      // A clock that was set back measures nothing.
      if (lastMs !== undefined && atMs >= lastMs) meanMs += NEWEST * (atMs - lastMs - meanMs);
      lastMs = someoneWaits ? atMs : undefined;
    },
    sendAway: () => {
      const atMs = now();
      away = Math.max(0, away - (Math.max(0, atMs - awayAtMs) / 1_000) * perSecond());
      awayAtMs = atMs;
      away += 1;
      return away - 1;
    },
  };
}
