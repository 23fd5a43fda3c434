import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTimestamp, isTimestamp } from "./timestamp.ts";

const LATEST_MS = 253_402_300_799_999;

test("a point in time is RFC 3339 in UTC with milliseconds", () => {
  assert.equal(formatTimestamp(0), "1970-01-01T00:00:00.000Z");

  assert.equal(formatTimestamp(LATEST_MS), "9999-12-31T23:59:59.999Z");
});

for (const timeMs of [-1, 0.5, LATEST_MS + 1, Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`${timeMs} ms is refused`, () => {
    assert.ok(!isTimestamp(timeMs));
    assert.throws(() => formatTimestamp(timeMs), { code: "value.timestamp" });
  });
}
