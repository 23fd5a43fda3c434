import assert from "node:assert/strict";
import { test } from "node:test";
import { distanceText, spanText, timeAndDistance, timeText, toMs } from "./time-text.ts";

const NOW = Date.parse("2026-11-22T10:03:15.500Z");

test("times are written as RFC 3339 UTC to the second, whatever form they come in", () => {
  assert.equal(timeText("2026-11-22T11:03:15.123+01:00"), "2026-11-22T10:03:15Z");
  assert.equal(timeText(NOW), "2026-11-22T10:03:15Z");
});

test("what is no time is shown as it is, and nothing is an empty text", () => {
  assert.equal(timeText("soon"), "soon");
  for (const nothing of [null, undefined, {}, Number.NaN, 9e15])
    assert.equal(timeText(nothing), "");
});

test("a distance takes its largest whole unit", () => {
  const rows: readonly (readonly [number, string])[] = [
    [0, "0s"],
    [999, "0s"],
    [59_999, "59s"],
    [60_000, "1m"],
    [3_599_999, "59m"],
    [3_600_000, "1h"],
    [86_399_999, "23h"],
    [86_400_000, "1d"],
    [400 * 86_400_000, "400d"],
  ];
  for (const [ms, text] of rows) assert.equal(spanText(ms), text);
});

test("a distance says which way it goes", () => {
  assert.equal(distanceText(NOW - 12_000, NOW), "12s ago");
  assert.equal(distanceText(NOW + 7_200_000, NOW), "in 2h");
  assert.equal(distanceText(NOW, NOW), "0s ago");
  assert.equal(distanceText(null, NOW), "");
});

test("a page shows both the time and the distance", () => {
  assert.equal(timeAndDistance("2026-11-22T10:03:03.500Z", NOW), "2026-11-22T10:03:03Z (12s ago)");
  assert.equal(timeAndDistance(null, NOW), "");
});

test("a time beyond what a date can hold is no time", () => {
  assert.equal(toMs(8.64e15 + 1), undefined);
  assert.equal(toMs("2026-13-01T00:00:00Z"), undefined);
});
