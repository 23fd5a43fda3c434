import assert from "node:assert/strict";
import { test } from "node:test";
import { createRecentValues } from "./recent-values.ts";

test("what was set is remembered, what was not is not", () => {
  const recent = createRecentValues<number>(3);
  recent.set("a", 1);
  assert.equal(recent.get("a"), 1);
  assert.equal(recent.get("b"), undefined);
});

test("A15: one more than the bound, and what was asked for longest ago is forgotten", () => {
  const recent = createRecentValues<number>(3);
  for (const [value, key] of ["a", "b", "c"].entries()) recent.set(key, value);
  assert.equal(recent.get("a"), 0);
  recent.set("d", 3);
  assert.deepEqual(
    ["a", "b", "c", "d"].map((key) => recent.get(key)),
    [0, undefined, 2, 3],
  );
  assert.equal(recent.size, 3);
});

test("setting a key again replaces its value and takes no second place", () => {
  const recent = createRecentValues<number>(2);
  recent.set("a", 1);
  recent.set("b", 2);
  recent.set("a", 3);
  assert.equal(recent.size, 2);
  recent.set("c", 4);
  assert.deepEqual([recent.get("a"), recent.get("b")], [3, undefined]);
});

test("A15: a flood of keys does not grow it", () => {
  const recent = createRecentValues<number>(16);
  for (let value = 0; value < 10_000; value += 1) recent.set(String(value), value);
  assert.equal(recent.size, 16);
});
