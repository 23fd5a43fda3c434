import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeSequence } from "./sequence.ts";

const LAST = 2n ** 64n - 1n;

const ROWS = [
  [undefined, 0n, "first"],
  [undefined, 1n, "first"],
  [undefined, LAST, "first"],
  [0n, 1n, "next"],
  [41n, 42n, "next"],
  [LAST, 0n, "next"],
  [42n, 42n, "repeat"],
  [0n, 0n, "repeat"],
  [42n, 44n, "gap"],
  [42n, 41n, "gap"],
  [42n, 0n, "gap"],
  [LAST, 1n, "gap"],
  [0n, LAST, "gap"],
] as const;

for (const [previous, received, expected] of ROWS) {
  test(`${received} after ${previous ?? "nothing"} is ${expected}`, () => {
    assert.equal(judgeSequence(previous, received), expected);
  });
}
