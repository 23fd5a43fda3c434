import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeededRandom } from "./seeded-random.ts";

test("the same seed gives the same bytes, another seed gives others", () => {
  const bytes = createSeededRandom(7).randomBytes(64);
  assert.deepEqual(createSeededRandom(7).randomBytes(64), bytes);
  assert.deepEqual(createSeededRandom("7").randomBytes(64), bytes);
  assert.notDeepEqual(createSeededRandom(8).randomBytes(64), bytes);
});

test("the stream goes on: how it is cut into calls does not change it", () => {
  const whole = createSeededRandom("cut").randomBytes(40);
  const random = createSeededRandom("cut");
  assert.deepEqual(Buffer.concat([1, 7, 32].map((size) => random.randomBytes(size))), whole);
});

test("the first bytes of seed 'tautline' stay what they are, so that recorded seeds keep their meaning", () => {
  assert.equal(createSeededRandom("tautline").randomBytes(8).toString("hex"), "34a481949ab022e4");
});

test("float stays in [0, 1) and reaches both halves", () => {
  const { float } = createSeededRandom("float");
  const values = Array.from({ length: 1_000 }, float);
  assert.ok(values.every((value) => value >= 0 && value < 1));
  const low = values.filter((value) => value < 0.5).length;
  assert.ok(low > 400 && low < 600, `${low} of 1000 in the lower half`);
});

test("integer and pick reach every choice and nothing else", () => {
  const { integer, pick } = createSeededRandom("pick");
  const drawn = new Set(Array.from({ length: 200 }, () => integer(3)));
  assert.deepEqual(drawn, new Set([0, 1, 2]));
  const picked = new Set(Array.from({ length: 200 }, () => pick(["a", "b"])));
  assert.deepEqual(picked, new Set(["a", "b"]));
  assert.throws(() => pick([]), RangeError);
});
