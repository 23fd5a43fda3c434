import assert from "node:assert/strict";
import { once } from "node:events";
import { Writable } from "node:stream";
import { test } from "node:test";
import { FrameWriter } from "./frame-writer.ts";

/** A stream that keeps what it is given, batch by batch. */
class Batches extends Writable {
  readonly batches: Buffer[][] = [];

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.batches.push(chunks.map(({ chunk }) => chunk));
    this.emit("batch");
    done();
  }
}

test("what is written in one turn goes out at once, without a copy", async () => {
  const stream = new Batches();
  const writer = new FrameWriter(stream);
  const payload = Buffer.alloc(100, 1);
  writer.data(payload);
  writer.data(payload.subarray(50));
  writer.control("opened", Buffer.from("{}"));
  assert.equal(stream.batches.length, 0);
  await once(stream, "batch");
  const first = stream.batches[0] ?? [];
  assert.deepEqual(
    first.map(({ length }) => length),
    [4, 100, 4, 50, 4, 2],
  );
  assert.equal(first[1], payload);
  assert.equal(first[3]?.buffer, payload.buffer);
  writer.data(payload);
  await once(stream, "batch");
  assert.equal(stream.batches.length, 2);
});

test("payload beyond a frame's limit becomes several frames", async () => {
  const stream = new Batches({ highWaterMark: 16 });
  assert.equal(new FrameWriter(stream).data(Buffer.alloc(600_000)), false);
  await once(stream, "batch");
  assert.deepEqual(
    stream.batches[0]?.map(({ length }) => length),
    [4, 262_144, 4, 262_144, 4, 75_712],
  );
});
