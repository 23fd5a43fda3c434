import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { FrameWriter } from "./frame-writer.ts";
import { SLAB_BYTES, SlabPool } from "../slabs/slab.ts";

/** A stream that keeps what it is given, batch by batch, and finishes a batch when it is told to. */
class Batches extends Writable {
  readonly batches: Buffer[][] = [];
  finish = (): void => {};

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.batches.push([chunk]);
    this.finish = done;
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.batches.push(chunks.map(({ chunk }) => chunk));
    this.finish = done;
  }
}

test("payload that Node read goes out with its header at once, without a copy", () => {
  const stream = new Batches();
  const payload = Buffer.alloc(100, 1);
  assert.equal(new FrameWriter(stream).data(payload), true);
  const [first = []] = stream.batches;
  assert.deepEqual(first[0], Buffer.from([4, 0, 0, 100]));
  assert.equal(first[1], payload);
});

test("payload beyond a frame's limit becomes several frames", () => {
  const stream = new Batches({ highWaterMark: 16 });
  assert.equal(new FrameWriter(stream).data(Buffer.alloc(600_000)), false);
  assert.deepEqual(
    stream.batches[0]?.map(({ length }) => length),
    [4, 262_144, 4, 262_144, 4, 75_712],
  );
});

test("a control frame is one piece", () => {
  const stream = new Batches();
  new FrameWriter(stream).control("opened", Buffer.from("{}"));
  assert.deepEqual(stream.batches, [[Buffer.from([2, 0, 0, 2, 0x7b, 0x7d])]]);
});

test("payload with room before it is one piece, whose slab is held until it is out", () => {
  const stream = new Batches();
  const pool = new SlabPool();
  const slab = pool.take();
  assert.ok(slab);
  const frame = slab.bytes.subarray(0, 14);
  assert.equal(new FrameWriter(stream).frame(frame), true);
  assert.deepEqual([...frame.subarray(0, 4)], [4, 0, 0, 10]);
  assert.deepEqual(stream.batches, [[frame]]);
  assert.equal(stream.batches[0]?.[0]?.buffer, frame.buffer);
  assert.equal(slab.isFree, false);
  stream.finish();
  assert.equal(slab.isFree, true);
});

test("of slabs two may wait, of other memory what the stream itself allows", () => {
  const writer = new FrameWriter(new Batches());
  const [one, other] = [new SlabPool().take(), new SlabPool().take()];
  assert.ok(one && other);
  assert.deepEqual([writer.frame(one.bytes), writer.frame(other.bytes)], [true, false]);
  assert.equal(new FrameWriter(new Batches()).frame(Buffer.alloc(SLAB_BYTES)), false);
});
