import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { countDown, type TimeLeft } from "./reopening-rule.ts";

const MINUTE = 60_000;
const OPENED = 1_000 * MINUTE;
const ONE = { openedMs: OPENED, untilMs: OPENED + 120 * MINUTE, endedMs: null };
const SECOND = 1_000;

const after = (known: number, agoMs: number, nowMs: number): TimeLeft => ({
  leftMs: known,
  atMs: nowMs - agoMs,
});

const CASES: readonly [what: string, nowMs: number, known: TimeLeft | undefined, left: number][] = [
  ["has its whole time when it begins", OPENED, undefined, 120 * MINUTE],
  ["has a minute left a minute before its deadline", ONE.untilMs - MINUTE, undefined, MINUTE],
  ["is over at its deadline and not after it", ONE.untilMs, undefined, 0],
  ["is over after its deadline, also where central was off", ONE.untilMs + MINUTE, undefined, 0],
  ["is over where the clock stands before it began", OPENED - 1, undefined, 0],
  ["goes on after a restart by its deadline", OPENED + 30 * MINUTE, undefined, 90 * MINUTE],
  [
    "has less by what went by",
    OPENED + 10 * MINUTE,
    after(111 * MINUTE, MINUTE, OPENED + 10 * MINUTE),
    110 * MINUTE,
  ],
  [
    "loses the time of a look where the clock went back by an hour",
    OPENED + MINUTE,
    after(59 * MINUTE, -60 * MINUTE, OPENED + MINUTE),
    59 * MINUTE - SECOND,
  ],
  [
    "has no more than before where the clock went back a little",
    OPENED + 50 * MINUTE,
    after(MINUTE, 10 * SECOND, OPENED + 50 * MINUTE),
    50 * SECOND,
  ],
  [
    "ends where the clock jumped ahead of its deadline",
    ONE.untilMs + 1,
    after(MINUTE, 59 * MINUTE, ONE.untilMs + 1),
    0,
  ],
];

for (const [what, nowMs, known, left] of CASES) {
  test(`F8: a re-opening ${what}`, () => {
    assert.deepEqual(countDown(ONE, known, nowMs, SECOND), { leftMs: left, atMs: nowMs });
  });
}

test("one that was ended is over, whatever the clock says", () => {
  const ended = { ...ONE, endedMs: OPENED + MINUTE };
  assert.equal(countDown(ended, undefined, OPENED + MINUTE, SECOND).leftMs, 0);
});

test("F8: however the clock jumps, it is open for no longer than was asked, but for a second a jump", () => {
  const jump = fc.integer({ min: -200 * MINUTE, max: 200 * MINUTE });
  fc.assert(
    fc.property(fc.array(jump, { maxLength: 20 }), fc.nat(399), (jumps, at) => {
      const most = 120 * 60 + 1 + jumps.length;
      let nowMs = OPENED;
      let known: TimeLeft | undefined;
      let turns = 0;
      // A turn a second until it is over; at some of them the clock is set.
      do {
        known = countDown(ONE, known, nowMs, SECOND);
        turns += 1;
        const set = turns % 400 === at ? jumps.pop() : undefined;
        nowMs += SECOND + (set ?? 0);
      } while (known.leftMs > 0);
      assert.ok(turns <= most, `${turns} turns`);
    }),
  );
});
