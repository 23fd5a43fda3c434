import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createBackoff } from "./backoff.ts";

function waits(count: number, random: () => number): number[] {
  const backoff = createBackoff({ random });
  return Array.from({ length: count }, () => backoff.next());
}

test("without chance, waits grow by half each time from 0.5 s to the cap without jitter", () => {
  const list = waits(14, () => 0.5);
  assert.deepEqual(list.slice(0, 5), [500, 750, 1125, 1688, 2531]);
  assert.deepEqual(list.slice(-2), [40_000, 40_000]);
});

test("chance spreads a wait from half to one and a half, and no wait is above the cap", () => {
  assert.equal(waits(1, () => 0)[0], 250);
  assert.equal(waits(1, () => 0.999_999)[0], 750);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (chance) => {
      for (const wait of waits(30, () => chance)) {
        assert.ok(wait >= 250 && wait <= 60_000, `${wait}`);
      }
    }),
  );
});

test("F9: after a long outage a fleet is spread over 40 s, not gathered at the cap", () => {
  const fleet = Array.from(
    { length: 1000 },
    (_, index) => waits(30, () => index / 1000).at(-1) ?? 0,
  );
  for (let second = 20; second < 60; second += 1) {
    const inSecond = fleet.filter((wait) => Math.floor(wait / 1000) === second).length;
    assert.ok(inSecond >= 20 && inSecond <= 30, `${inSecond} agents come in second ${second}`);
  }
});

test("after success the first wait is short again", () => {
  const backoff = createBackoff({ random: () => 0.5 });
  for (let count = 0; count < 10; count += 1) {
    backoff.next();
  }
  backoff.reset();
  assert.equal(backoff.next(), 500);
});

test("every number can be set", () => {
  const backoff = createBackoff({
    firstMs: 10,
    factor: 10,
    capMs: 500,
    jitter: 0,
    random: () => 0.9,
  });
  assert.deepEqual(
    [backoff.next(), backoff.next(), backoff.next(), backoff.next()],
    [10, 100, 500, 500],
  );
});

test("a first wait above the cap is cut to it", () => {
  const backoff = createBackoff({ firstMs: 1000, capMs: 100, jitter: 0, random: () => 0 });
  assert.equal(backoff.next(), 100);
});
