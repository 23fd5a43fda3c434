/** A clock that stands still until the test moves it. */
export interface FakeClock {
  /** Milliseconds since the Unix epoch; may be passed on without its object. */
  readonly now: () => number;
  /** Moves the clock by `ms` (negative: back, as a corrected system clock does) and returns the new time. */
  readonly advance: (ms: number) => number;
}

/** 2026-01-01T00:00:00Z, the start where a test does not care. */
const START_MS = Date.UTC(2026, 0, 1);

/**
 * Makes a clock for functions that take `now: () => number`.
 *
 * @param startMs milliseconds since the Unix epoch
 */
export function createFakeClock(startMs: number = START_MS): FakeClock {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    advance: (ms) => {
      nowMs += ms;
      return nowMs;
    },
  };
}
