import type { Clock } from "../src/clock.ts";

/** A clock that stands still until the test moves it; timers ring when it passes them. */
export interface ManualClock extends Clock {
  /** Sets the clock of the host forth, or back by a negative number, as a person or NTP does; no timer hears of it. */
  set(byMs: number): void;
  /** Moves the clock and rings every timer on the way, in order. */
  advance(ms: number): void;
  /** Milliseconds until each pending timer. */
  readonly pending: readonly number[];
}

/**
 * Makes a clock at a fixed time.
 *
 * @param startMs milliseconds since 1970-01-01T00:00:00Z
 */
export function createManualClock(startMs = Date.UTC(2026, 0, 1)): ManualClock {
  let nowMs = 0;
  let wallMs = startMs;
  const timers = new Set<{ readonly atMs: number; readonly task: () => void }>();
  return {
    now: () => wallMs + nowMs,
    elapsed: () => nowMs,
    set: (byMs) => {
      wallMs += byMs;
    },
    after: (delayMs, task) => {
      const timer = { atMs: nowMs + delayMs, task };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const untilMs = nowMs + ms;
      for (;;) {
        const [next] = [...timers]
          .filter(({ atMs }) => atMs <= untilMs)
          .sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = Math.max(nowMs, next.atMs);
        next.task();
      }
      nowMs = untilMs;
    },
    get pending() {
      return [...timers].map(({ atMs }) => atMs - nowMs).sort((a, b) => a - b);
    },
  };
}
