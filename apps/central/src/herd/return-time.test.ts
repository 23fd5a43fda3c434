import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createSeededRandom } from "@tautline/testing";
import * as fc from "fast-check";
import {
  comeBackAfterMs,
  LONGEST_WINDOW_MS,
  SHORTEST_WINDOW_MS,
  spreadReturnMs,
} from "./return-time.ts";

const rows = [
  { ahead: 0, perSecond: 100, random: 0.5, back: SHORTEST_WINDOW_MS, spread: 500 },
  { ahead: 1_000, perSecond: 100, random: 0, back: 5_000, spread: 0 },
  { ahead: 1_000, perSecond: 100, random: 0.5, back: 10_000, spread: 5_000 },
  { ahead: 1_000, perSecond: 250, random: 0.5, back: 4_000, spread: 2_000 },
  { ahead: 1_000_000, perSecond: 100, random: 0.5, back: LONGEST_WINDOW_MS, spread: 150_000 },
];

describe("when to come back", () => {
  for (const { back, spread, ...crowd } of rows) {
    it(`with ${crowd.ahead} ahead at ${crowd.perSecond}/s and chance ${crowd.random}`, () => {
      assert.deepEqual([comeBackAfterMs(crowd), spreadReturnMs(crowd)], [back, spread]);
    });
  }

  it("is a whole, bounded number of milliseconds for every crowd", () => {
    const crowd = fc.record({
      ahead: fc.nat(10_000_000),
      perSecond: fc.double({ min: 0.1, max: 100_000, noNaN: true }),
      random: fc.double({ min: 0, max: 0.999_999, noNaN: true }),
    });
    fc.assert(
      fc.property(crowd, (one) => {
        const back = comeBackAfterMs(one);
        assert.ok(Number.isInteger(back) && back >= SHORTEST_WINDOW_MS / 2);
        assert.ok(back <= LONGEST_WINDOW_MS * 1.5);
        const spread = spreadReturnMs(one);
        assert.ok(Number.isInteger(spread) && spread >= 0 && spread <= LONGEST_WINDOW_MS);
      }),
    );
  });

  it("F9: spreads 1,000 over 10 s, no second of it with more than twice its share", () => {
    const { float } = createSeededRandom(9);
    const seconds = Array<number>(10).fill(0);
    for (let agent = 0; agent < 1_000; agent += 1) {
      const ms = spreadReturnMs({ ahead: 1_000, perSecond: 100, random: float() });
      const second = Math.min(9, Math.floor(ms / 1_000));
      seconds[second] = (seconds[second] ?? 0) + 1;
    }
    assert.ok(Math.max(...seconds) <= 200 && Math.min(...seconds) > 0);
  });
});
