import assert from "node:assert/strict";
import { test } from "node:test";
import { formatNumber, formatTable } from "./table.ts";
import { spreadOf } from "./spread.ts";

const CASES: [values: number[], median: number][] = [
  [[7], 7],
  [[9, 1], 5],
  [[10, 2, 3], 3],
  [[4, 1, 3, 2], 2.5],
  [[10, 9, 100], 10],
];

for (const [values, median] of CASES) {
  test(`the median of ${values.join(", ")} is ${median}, whatever the order`, () => {
    const expected = {
      median,
      min: Math.min(...values),
      max: Math.max(...values),
      runs: values.length,
    };
    assert.deepEqual(spreadOf(values), expected);
    assert.deepEqual(spreadOf(values.toReversed()), expected);
  });
}

test("no run has no median", () => {
  assert.equal(spreadOf([]), undefined);
});

test("numbers keep three digits that say something", () => {
  const shown = [0, 0.01234, 1.2345, 12.345, 123.45, 1234.5, 23_456.7].map(formatNumber);
  assert.deepEqual(shown, ["0", "0.0123", "1.23", "12.3", "123", "1,235", "23,457"]);
});

test("a row that could not be measured says why and shows no number", () => {
  const table = formatTable([
    { benchmark: "a", load: 1, row: { what: "x", unit: "1/s", values: [1, 2, 3] } },
    { benchmark: "b", load: 1, row: { what: "y", unit: "KB", values: [], note: "not installed" } },
  ]);
  assert.match(table, /\| a +\| x +\| +2 \| \[1\.\.3\] +\| 1\/s +\| +3 \|/);
  assert.match(table, /\| b +\| y +\| +- \| - +\| KB +\| +0 \|.*not installed/);
});
