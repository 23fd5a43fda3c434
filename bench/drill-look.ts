import assert from "node:assert/strict";
import { setInterval } from "node:timers/promises";

const LOOK_EVERY_MS = 250;
/** A25: whoever was let back by an undo is linked again by then. */
const WITHIN_MS = 300_000;

/** How often is looked, and for how long at most; milliseconds. */
export interface LookTimes {
  readonly everyMs?: number;
  readonly withinMs?: number;
}

/**
 * Looks again and again until something holds, five minutes at most unless told (A25).
 *
 * @param what for the error, as in "… until `what`"
 * @param holds looks once
 * @param times how often, and for how long
 * @throws AssertionError when it still does not hold
 */
export async function lookUntil(
  what: string,
  holds: () => Promise<boolean>,
  { everyMs = LOOK_EVERY_MS, withinMs = WITHIN_MS }: LookTimes = {},
): Promise<void> {
  const began = performance.now();
  for await (const _ of setInterval(everyMs)) {
    if (await holds()) return;
    assert.ok(performance.now() - began < withinMs, `${withinMs / 1_000} s went by until ${what}`);
  }
}

/**
 * Seconds since a moment.
 *
 * @param beganMs as `performance.now()` gave it
 */
export function secondsSince(beganMs: number): number {
  return (performance.now() - beganMs) / 1_000;
}
