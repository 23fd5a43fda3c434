import assert from "node:assert/strict";
import { test } from "node:test";
import { Allowance } from "./allowance.ts";

test("a burst passes, then so many a second, and never more than a burst is saved up", () => {
  const allowance = new Allowance({ burst: 3, perSecond: 2 }, 1_000);
  const taken = (nowMs: number): number => {
    let count = 0;
    while (allowance.take(nowMs)) count += 1;
    return count;
  };
  assert.equal(taken(1_000), 3);
  assert.equal(taken(1_499), 0);
  assert.equal(taken(1_500), 1);
  assert.equal(taken(2_500), 2);
  assert.equal(taken(1_000_000), 3);
});
