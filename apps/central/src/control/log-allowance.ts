/** How many lines strangers may cause in a log. */
export interface LogAllowance {
  /**
   * Asks for one line.
   *
   * @returns how many were refused since the last granted one, or undefined if this one is refused
   */
  take(): number | undefined;
}

const MINUTE_MS = 60_000;

/**
 * Grants so many lines a minute: strangers can call as often as they like, and a log is a disk too (A20).
 *
 * @param perMinute lines
 * @param now milliseconds since the epoch
 */
export function createLogAllowance(perMinute: number, now: () => number): LogAllowance {
  let minute = Number.NEGATIVE_INFINITY;
  let granted = 0;
  let refused = 0;
  return {
    take: () => {
      const current = Math.floor(now() / MINUTE_MS);
      if (current !== minute) {
        minute = current;
        granted = 0;
      }
      if (granted >= perMinute) {
        refused += 1;
        return undefined;
      }
      granted += 1;
      const before = refused;
      refused = 0;
      return before;
    },
  };
}
