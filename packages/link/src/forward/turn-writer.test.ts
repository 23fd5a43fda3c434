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

const idle = (): void => {};

test("what is written in one turn goes out at once, without a copy", async () => {
  const stream = new Batches();
  const writer = new TurnWriter(stream, idle);
  const [one, other] = [Buffer.alloc(100, 1), Buffer.alloc(50, 2)];
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
    stream.batches[0]?.map((piece) => piece.toString()),
    ["abcd", "ghij", "a"],
  );
});

test("an end comes after all that was written", async () => {
  const stream = new Batches();
  const writer = new TurnWriter(stream, idle);
  writer.write(Buffer.from("the last"));
  writer.end();
  assert.deepEqual(stream.batches, [[Buffer.from("the last")]]);
  stream.finish();
  await once(stream, "finish");
});

test("a slab is held until all of it is out, also where the stream is destroyed first", async () => {
  for (const isDestroyed of [false, true]) {
    const stream = new Batches();
    const writer = new TurnWriter(stream, idle);
    const slab = new SlabPool().take();
    assert.ok(slab);
    writer.write(slab.bytes.subarray(0, 10));
    writer.write(slab.bytes.subarray(20, 30));
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
  const stream = new Batches({ highWaterMark: 10 });
  let told = 0;
  const writer = new TurnWriter(stream, () => (told += 1));
  assert.equal(writer.write(Buffer.alloc(6)), true);
  await nextTurn();
  assert.equal(writer.write(Buffer.alloc(6)), false);
  // The first six are out before the other six are given to the stream: it never counted ten.
  stream.finish();
  await nextTurn();
  assert.deepEqual([told, stream.batches.length], [1, 2]);
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
