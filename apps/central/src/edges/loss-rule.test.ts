import assert from "node:assert/strict";
import { test } from "node:test";
import { grownLosses } from "./loss-rule.ts";

const losses = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts).map(([reason, calls]) => ({ reason, calls }));

for (const [what, before, now, grown] of [
  ["nothing before: all of it", {}, { full: 3, age: 1 }, { full: 3, age: 1 }],
  ["the same again: nothing", { full: 3 }, { full: 3 }, {}],
  ["one that rose: by how much", { full: 3, age: 1 }, { full: 3, age: 5 }, { age: 4 }],
  ["one that is new", { full: 3 }, { full: 3, disk: 2 }, { disk: 2 }],
  ["a store begun anew takes nothing back", { full: 3, age: 7 }, { full: 1 }, {}],
  ["zero is no loss", {}, { full: 0 }, {}],
] as const) {
  test(`SWP-9: of two reports, ${what}`, () => {
    assert.deepEqual(Object.fromEntries(grownLosses(losses(before), losses(now))), grown);
  });
}
