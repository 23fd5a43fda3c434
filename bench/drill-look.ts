import assert from "node:assert/strict";
import { setInterval } from "node:timers/promises";

const LOOK_EVERY_MS = 250;
/** A25: whoever was let back by an undo is linked again by then. */
const WITHIN_MS = 300_000;

/**
 * Looks again and again until something holds, five minutes at most (A25).
 *
 * @param what for the error, as in "… until `what`"
 * @param holds looks once
 * @throws AssertionError when it still does not hold
 */
export async function lookUntil(what: string, holds: () => Promise<boolean>): Promise<void> {
  const began = performance.now();
  for await (const _ of setInterval(LOOK_EVERY_MS)) {
    if (await holds()) return;
    assert.ok(performance.now() - began < WITHIN_MS, `five minutes went by until ${what}`);
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
