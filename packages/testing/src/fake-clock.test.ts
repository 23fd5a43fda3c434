import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "./fake-clock.ts";

test("a fake clock stands still until it is moved", () => {
  const { now, advance } = createFakeClock(1_000);
  assert.equal(now(), 1_000);
  assert.equal(now(), 1_000);
  assert.equal(advance(500), 1_500);
  assert.equal(now(), 1_500);
});

test("a fake clock can be set back, as a corrected system clock is", () => {
  const clock = createFakeClock(1_000);
  assert.equal(clock.advance(-300), 700);
});

test("a fake clock starts at a whole second of 2026 where the test does not care", () => {
  assert.equal(new Date(createFakeClock().now()).toISOString(), "2026-01-01T00:00:00.000Z");
});
