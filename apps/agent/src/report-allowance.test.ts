import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "@tautline/testing";
import { createReportAllowance } from "./report-allowance.ts";

const MINUTE_MS = 60_000;

/** Takes `count` times and gives how many were allowed. */
function allowed(allowance: { take(): number | undefined }, count: number): number {
  return Array.from({ length: count }, () => allowance.take()).filter((each) => each !== undefined)
    .length;
}

test("sixty refusals are written down at once, the next one is only counted", () => {
  const allowance = createReportAllowance(createFakeClock().now);
  assert.equal(allowed(allowance, 60), 60);
  assert.equal(allowance.take(), undefined);
});

test("each minute one more is written, and says how many were passed over", () => {
  const clock = createFakeClock();
  const allowance = createReportAllowance(clock.now);
  allowed(allowance, 60);
  assert.equal(allowed(allowance, 500), 0);
  clock.advance(MINUTE_MS - 1);
  assert.equal(allowance.take(), undefined);
  clock.advance(1);
  assert.equal(allowance.take(), 501);
  assert.equal(allowance.take(), undefined);
});

test("a long quiet fills the allowance, and no more than that", () => {
  const clock = createFakeClock();
  const allowance = createReportAllowance(clock.now);
  allowed(allowance, 60);
  clock.advance(1_000 * MINUTE_MS);
  assert.equal(allowed(allowance, 100), 60);
});

test("F8: a clock set back neither fills nor stops the allowance", () => {
  const clock = createFakeClock();
  const allowance = createReportAllowance(clock.now);
  allowed(allowance, 60);
  clock.advance(-1_000 * MINUTE_MS);
  assert.equal(allowance.take(), undefined);
  clock.advance(MINUTE_MS);
  assert.equal(allowance.take(), 1);
});
