/** How many reports are written at once, and how long until one more is. */
const BURST = 60;
const REFILL_MS = 60_000;

/** Bounds what a hostile central can make this host write to its log and its audit trail. */
export interface ReportAllowance {
  /**
   * Asks to write one report.
   *
   * @returns how many were passed over since the last one written, or undefined if this one must be passed over too
   */
  take(): number | undefined;
}

/**
 * Makes an allowance of 60 reports and one more each minute; what is passed over is counted, never forgotten.
 *
 * @param now milliseconds since 1970-01-01T00:00:00Z
 */
export function createReportAllowance(now: () => number): ReportAllowance {
  let left = BURST;
  let refilledAtMs = now();
  let passedOver = 0;
  const refill = (): void => {
    // A clock set back must not stop the allowance for as long as it was set back.
    const elapsedMs = Math.max(0, now() - refilledAtMs);
    const gained = Math.floor(elapsedMs / REFILL_MS);
    if (gained === 0 && now() >= refilledAtMs) return;
    left = Math.min(BURST, left + gained);
    refilledAtMs = elapsedMs === 0 ? now() : refilledAtMs + gained * REFILL_MS;
  };
  return {
    take() {
      refill();
      if (left === 0) {
        passedOver += 1;
        return undefined;
      }
      left -= 1;
      const before = passedOver;
      passedOver = 0;
      return before;
    },
  };
}
