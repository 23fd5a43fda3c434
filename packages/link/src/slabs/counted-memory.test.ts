import assert from "node:assert/strict";
import { test } from "node:test";
import { free, lend, memoryOf } from "./counted-memory.ts";

const LARGE = 20_000;

test("memory that was lent is freed when its last user has released it, and not before", () => {
  const bytes = Buffer.from(new ArrayBuffer(LARGE));
  lend(bytes);
  const memory = memoryOf(bytes.subarray(5, 10));
  assert.ok(memory);
  memory.retain();
  memory.retain();
  memory.release();
  assert.equal(bytes.length, LARGE);
  memory.release();
  assert.equal(bytes.length, 0);
  assert.equal(bytes.buffer.byteLength, 0);
});

test("memory that is shared with others, or small, is neither lent nor freed", () => {
  const shared = Buffer.from(new ArrayBuffer(LARGE)).subarray(0, LARGE - 1);
  const small = Buffer.from(new ArrayBuffer(100));
  for (const bytes of [shared, small, Buffer.from("pooled")]) {
    const { length } = bytes;
    lend(bytes);
    assert.equal(memoryOf(bytes), undefined);
    free(bytes);
    assert.equal(bytes.length, length);
  }
});
