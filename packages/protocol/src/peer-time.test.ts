import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { LIMITS } from "./limits.ts";
import { clockOffset, distanceText, isClockOff, readPeerTime } from "./peer-time.ts";
import { formatTimestamp } from "./timestamp.ts";

test("a time is read as it was written, to the millisecond", () => {
  const timeMs = Date.UTC(2026, 10, 25, 19, 20, 1, 123);
  assert.equal(readPeerTime(formatTimestamp(timeMs)), timeMs);
});

test("what is not one time in this one form is no time", () => {
  const cases = [
    undefined,
    "",
    "Wed, 25 Nov 2026 19:20:01 GMT",
    "2026-11-25T19:20:01Z",
    "2026-11-25T19:20:01.123+01:00",
    "2026-13-25T19:20:01.123Z",
    "1969-12-31T23:59:59.999Z",
    " 2026-11-25T19:20:01.123Z",
    "2026-11-25T19:20:01.123Z, 2026-11-25T19:20:01.123Z",
    ["2026-11-25T19:20:01.123Z", "2026-11-25T19:20:01.123Z"],
  ];
  for (const text of cases) assert.equal(readPeerTime(text), undefined, String(text));
});

test("half of the round trip is the answer's way", () => {
  assert.equal(clockOffset({ receivedMs: 1400, roundTripMs: 400, peerMs: 1200 }), 0);
  assert.equal(clockOffset({ receivedMs: 1400, roundTripMs: 400, peerMs: 4_801_200 }), 4_800_000);
  assert.equal(clockOffset({ receivedMs: 9000, roundTripMs: 0, peerMs: 1000 }), -8000);
});

test("the tolerance itself is tolerated, a millisecond more is named, either way", () => {
  const limit = LIMITS.clockToleranceMs.value;
  assert.deepEqual([limit, -limit, limit + 1, -limit - 1].map(isClockOff), [
    false,
    false,
    true,
    true,
  ]);
});

test("distances are written by their two largest units", () => {
  const cases: [number, string][] = [
    [0, "less than 1 s"],
    [-499, "less than 1 s"],
    [1_199_600, "20 min"],
    [1000, "1 s"],
    [61_000, "1 min 1 s"],
    [-7_380_000, "2 h 3 min"],
    [7_200_500, "2 h"],
    [2_592_000_000, "30 d"],
    [2_600_000_000, "30 d 2 h"],
  ];
  for (const [ms, text] of cases) assert.equal(distanceText(ms), text);
});

test("no text makes the reader throw; every time there is comes back", () => {
  fc.assert(fc.property(fc.string(), (text) => assert.doesNotThrow(() => readPeerTime(text))));
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (timeMs) =>
      assert.equal(readPeerTime(formatTimestamp(timeMs)), timeMs),
    ),
  );
});
