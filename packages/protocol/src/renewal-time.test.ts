import assert from "node:assert/strict";
import { test } from "node:test";
import { LATEST_RENEWAL_SHARE, planRenewal } from "./renewal-time.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const ALMOST_ONE = 1 - Number.EPSILON;

const ROWS: [name: string, lifeMs: number, chance: number, afterMs: number][] = [
  ["a day, in the middle of chance", DAY_MS, 0.5, DAY_MS / 2],
  ["a day, at the earliest", DAY_MS, 0, DAY_MS * 0.45],
  ["20 s, at the earliest", 20_000, 0, 9_000],
  ["20 s, at the latest", 20_000, ALMOST_ONE, 11_000],
  ["1 s", 1_000, 0.5, 500],
  ["no life at all", 0, 0.9, 0],
  ["a life that ended before it was granted", -DAY_MS, 0.9, 0],
];
for (const [name, lifeMs, chance, afterMs] of ROWS) {
  test(`an identity of ${name} is renewed after ${afterMs} ms`, () => {
    const life = { grantedMs: START_MS, endsMs: START_MS + lifeMs };
    assert.equal(planRenewal(life, () => chance) - START_MS, afterMs);
  });
}

test("never later than the stated share of a life, whatever chance says", () => {
  for (const lifeMs of [1_000, 20_000, 3_600_000, DAY_MS, 365 * DAY_MS]) {
    const life = { grantedMs: START_MS, endsMs: START_MS + lifeMs };
    const latest = planRenewal(life, () => ALMOST_ONE) - START_MS;
    assert.ok(latest <= lifeMs * LATEST_RENEWAL_SHARE && LATEST_RENEWAL_SHARE < 0.6);
  }
});
