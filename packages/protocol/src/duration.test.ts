import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration, parseDuration } from "./duration.ts";
import { LIMITS } from "./limits.ts";

const TEXTS = [
  ["90s", 90_000],
  ["15m", 900_000],
  ["25h", 90_000_000],
  ["30d", 2_592_000_000],
  ["0s", 0],
  ["36500d", LIMITS.durationMs.value],
] as const;

for (const [text, durationMs] of TEXTS) {
  test(`'${text}' is ${durationMs} ms and is written so`, () => {
    assert.equal(parseDuration(text), durationMs);

    assert.equal(formatDuration(durationMs), text);
  });
}

test("the largest unit that gives a whole number is written; parts of a second are cut off", () => {
  assert.equal(formatDuration(parseDuration("24h")), "1d");
  assert.equal(formatDuration(parseDuration("60s")), "1m");
  assert.equal(formatDuration(61_999), "61s");
  assert.equal(formatDuration(999.5), "0s");
});

const NOT_DURATIONS = [
  "",
  "15",
  "m",
  "15 m",
  " 15m",
  "15m ",
  "15m\n",
  "-15m",
  "+15m",
  "1.5h",
  "1e3s",
  "015m",
  "15M",
  "15min",
  "1h30m",
  "15ms",
  "1w",
  "0x10s",
  "１５m",
  "36501d",
  "9999999999999s",
  "99999999999999999999s",
  "Infinitys",
];

for (const text of NOT_DURATIONS) {
  test(`${JSON.stringify(text)} is not a duration`, () => {
    assert.throws(() => parseDuration(text), { code: "value.duration" });
  });
}

test("no duration is written for what is none", () => {
  for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY, LIMITS.durationMs.value + 1]) {
    assert.throws(() => formatDuration(ms), { code: "value.duration" });
  }
});
