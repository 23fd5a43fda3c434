import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeRecord, LARGEST_SEALED_BYTES, readSegment, RECORD_HEAD_BYTES } from "./segment.ts";

const record = (seq: number, text: string): Buffer =>
  Buffer.concat(encodeRecord({ seq, keptAtMs: 5, sealed: Buffer.from(text) }));
const kinds = (file: Buffer): unknown[] =>
  readSegment(file, 1).map((one) =>
    one.kind === "record" ? one.seq : [one.kind, one.offset, one.bytes, one.records],
  );

test("an empty segment has nothing in it", () => {
  assert.deepEqual(kinds(Buffer.alloc(0)), []);
});

test("damage between two records is named by its place, with as many records as the numbers say are missing", () => {
  const broken = record(2, "b").fill(0xff, 0, 9);
  const file = Buffer.concat([
    record(1, "a"),
    broken,
    record(3, "c").fill(0xff, 9, 11),
    record(4, "d"),
  ]);
  const bytes = RECORD_HEAD_BYTES + 1;
  assert.deepEqual(kinds(file), [1, ["damage", bytes, 2 * bytes, 2], 4]);
});

test("an older record that stands behind a newer one is not read again", () => {
  const bytes = RECORD_HEAD_BYTES + 1;
  const file = Buffer.concat([record(5, "a"), record(4, "b"), record(6, "c")]);
  assert.deepEqual(kinds(file), [5, ["damage", bytes, bytes, 1], 6]);
});

test("what was being written when the agent was killed counts as unfinished, and as no loss", () => {
  const whole = record(1, "abcdef");
  for (const length of [1, 8, RECORD_HEAD_BYTES - 1, RECORD_HEAD_BYTES, whole.length - 1]) {
    assert.deepEqual(kinds(whole.subarray(0, length)), [["unfinished", 0, length, 0]]);
  }
  assert.deepEqual(kinds(Buffer.concat([whole, Buffer.alloc(40)])), [
    1,
    ["unfinished", whole.length, 40, 0],
  ]);
});

test("damage at the end that is no beginning of a record counts as one", () => {
  const whole = record(1, "abcdef");
  assert.deepEqual(kinds(Buffer.concat([whole, Buffer.from("garbage")])), [
    1,
    ["damage", whole.length, 7, 1],
  ]);
});

test("a length above the limit is damage, whatever its checksum says", () => {
  const [head] = encodeRecord({
    seq: 1,
    keptAtMs: 5,
    sealed: { length: LARGEST_SEALED_BYTES + 1 } as Uint8Array,
  });
  assert.deepEqual(kinds(head), [["damage", 0, RECORD_HEAD_BYTES, 1]]);
});
