import type { Reopening } from "./reopening.ts";

/** What a process knows of the time that a re-opening has left. */
export interface TimeLeft {
  /** Milliseconds; 0: it is over. */
  readonly leftMs: number;
  /** When that was so, by the same clock. */
  readonly atMs: number;
}

/**
 * Counts down what a re-opening has left: to its deadline by the clock, and never more than before less the time that went by, so that a clock
 * that is set back does not keep plaintext open. One that jumps ahead ends it: too early is the safe side. Pure.
 *
 * @param reopening as it is on the disk
 * @param known what was left when it was looked at last; undefined for a process that never did
 * @param nowMs milliseconds since the epoch
 * @param everyMs how often it is looked at: so much has passed where the clock went back
 */
export function countDown(
  reopening: Pick<Reopening, "openedMs" | "untilMs" | "endedMs">,
  known: TimeLeft | undefined,
  nowMs: number,
  everyMs: number,
): TimeLeft {
  const byClockMs = leftByClock(reopening, nowMs);
  if (known === undefined) return { leftMs: byClockMs, atMs: nowMs };
  const elapsedMs = nowMs - known.atMs;
  const leftMs = known.leftMs - (elapsedMs < 0 ? everyMs : elapsedMs);
  return { leftMs: Math.max(0, Math.min(byClockMs, leftMs)), atMs: nowMs };
}

/** Before it began there is nothing to trust: how long the clock was wrong, nobody knows. */
function leftByClock(
  { openedMs, untilMs, endedMs }: Pick<Reopening, "openedMs" | "untilMs" | "endedMs">,
  nowMs: number,
): number {
  if (endedMs !== null || nowMs < openedMs) return 0;
  return Math.max(0, untilMs - nowMs);
}
