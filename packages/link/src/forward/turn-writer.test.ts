import assert from "node:assert/strict";
import { once } from "node:events";
import { Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { test } from "node:test";
import { SlabPool } from "../slabs/slab.ts";
import { TurnWriter } from "./turn-writer.ts";

/** A stream that keeps what it is given, batch by batch, and finishes a batch when it is told to. */
class Batches extends Writable {
  readonly batches: Buffer[][] = [];
  finish = (): void => {};

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this._writev([{ chunk }], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.batches.push(chunks.map(({ chunk }) => chunk));
    this.finish = done;
  }
}

/** Too long to go out by itself. */
const LONG = Buffer.alloc(5_000, 1);
const idle = (): void => {};

test("what is written in one turn goes out at once, without a copy", async () => {
  const stream = new Batches();
  const writer = new TurnWriter(stream, idle);
  const [one, other] = [Buffer.alloc(5_000, 1), Buffer.alloc(50, 2)];
  assert.deepEqual([writer.write(one), writer.write(other)], [true, true]);
  assert.equal(stream.batches.length, 0);
  await nextTurn();
  assert.deepEqual(
    stream.batches.map((batch) => batch.length),
    [2],
  );
  assert.equal(stream.batches[0]?.[0], one);
  assert.equal(stream.batches[0]?.[1], other);
});

test("what stands side by side goes out as one piece, and what does not keeps its order", async () => {
  const stream = new Batches();
  const writer = new TurnWriter(stream, idle);
  const memory = Buffer.from("abcdefghij");
  writer.write(LONG);
  for (const [start, end] of [
    [0, 3],
    [3, 4],
    [6, 8],
    [8, 10],
    [0, 1],
  ]) {
    writer.write(memory.subarray(start, end));
  }
  await nextTurn();
  assert.deepEqual(
    stream.batches[0]?.slice(1).map((piece) => piece.toString()),
    ["abcd", "ghij", "a"],
  );
});

test("an end comes after all that was written", async () => {
  const stream = new Batches();
  const writer = new TurnWriter(stream, idle);
  writer.write(LONG);
  writer.write(Buffer.from("the last"));
  writer.end();
  assert.deepEqual(stream.batches, [[LONG, Buffer.from("the last")]]);
  stream.finish();
  await once(stream, "finish");
});

test("a slab is held until all of it is out, also where the stream is destroyed first", async () => {
  for (const isDestroyed of [false, true]) {
    const stream = new Batches();
    const writer = new TurnWriter(stream, idle);
    const slab = new SlabPool().take();
    assert.ok(slab);
    writer.write(slab.bytes.subarray(0, 5_000));
    writer.write(slab.bytes.subarray(6_000, 6_010));
    assert.equal(slab.isFree, false);
    if (isDestroyed) stream.destroy();
    await nextTurn();
    if (!isDestroyed) assert.equal(slab.isFree, false);
    stream.finish();
    await nextTurn();
    assert.equal(slab.isFree, true);
  }
});

test("whoever was told to wait is told of room, also where the stream was never full by its own count", async () => {
  const stream = new Batches({ highWaterMark: 9_000 });
  let told = 0;
  const writer = new TurnWriter(stream, () => (told += 1));
  assert.equal(writer.write(LONG), true);
  await nextTurn();
  assert.equal(writer.write(LONG), false);
  // The first is out before the other is given to the stream: it never counted both.
  stream.finish();
  await nextTurn();
  assert.deepEqual([told, stream.batches.length], [1, 2]);
});

test("what is short goes out at once where nothing waits before it, and holds its slab until it is out", async () => {
  const stream = new Batches();
  const writer = new TurnWriter(stream, idle);
  const slab = new SlabPool().take();
  assert.ok(slab);
  assert.equal(writer.write(slab.bytes.subarray(0, 10)), true);
  assert.equal(stream.batches.length, 1);
  assert.equal(slab.isFree, false);
  writer.write(slab.bytes.subarray(10, 20));
  stream.finish();
  await nextTurn();
  assert.deepEqual(
    stream.batches.map((batch) => batch.length),
    [1, 1],
  );
  stream.finish();
  await nextTurn();
  assert.equal(slab.isFree, true);
});

test("while the stream itself is full nobody is told of room", async () => {
  const stream = new Batches({ highWaterMark: 10 });
  let told = 0;
  const writer = new TurnWriter(stream, () => (told += 1));
  assert.equal(writer.write(Buffer.alloc(12)), false);
  await nextTurn();
  assert.equal(told, 0);
  stream.finish();
  await nextTurn();
  assert.equal(told, 1);
});
