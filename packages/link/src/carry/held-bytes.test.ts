import assert from "node:assert/strict";
import { test } from "node:test";
import { HeldBytes } from "./held-bytes.ts";

test("as much as fits may be held, one byte more may not, and what was given back is free", () => {
  const held = new HeldBytes(10);
  assert.equal(held.take(10), true);
  assert.equal(held.take(1), false);
  held.give(4);
  assert.equal(held.take(4), true);
  assert.equal(held.held, 10);
});
