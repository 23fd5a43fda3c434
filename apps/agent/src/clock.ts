/** Time as the agent sees it; tests pass one that stands still until it is moved. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: () => number;
  /** Milliseconds since some moment of this process's own; nobody can set it, and it may stand still while the host sleeps. */
  readonly elapsed: () => number;
  /** Calls `task` once after `delayMs`; the returned function calls it off. */
  readonly after: (delayMs: number, task: () => void) => () => void;
}

/** The host's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};

/**
 * Waits, and ends early without an error when the signal aborts.
 *
 * @param clock whose time passes
 * @param delayMs how long
 * @param signal ends the wait
 */
export function wait(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      callOff();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const callOff = clock.after(delayMs, done);
    signal.addEventListener("abort", done, { once: true });
  });
}
