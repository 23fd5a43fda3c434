import assert from "node:assert/strict";
import { test } from "node:test";
import { addTotals, formatTotals } from "./totals.ts";

test("the last line adds up what every stage came to", () => {
  const totals = addTotals([
    { passed: 2, failed: 0, skipped: 1 },
    { passed: 40, failed: 3, skipped: 0 },
  ]);
  assert.equal(formatTotals(totals), "42 passed, 3 failed, 1 skipped");
  assert.equal(formatTotals(addTotals([])), "0 passed, 0 failed, 0 skipped");
});
