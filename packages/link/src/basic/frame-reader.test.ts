import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { SlabPool } from "../slabs/slab.ts";
import { createFrameReader, frameLength } from "./frame-reader.ts";

const framed = (frames: readonly Uint8Array[]): Buffer =>
  Buffer.concat(frames.flatMap((frame) => [frameLength(frame.length), frame]));

describe("frames", () => {
  it("come out as they went in, however the bytes were cut on the way", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }),
        fc.array(fc.nat({ max: 400 }), { minLength: 1, maxLength: 40 }),
        (frames, cuts) => {
          const reader = createFrameReader();
          const seen: Buffer[] = [];
          let rest = framed(frames);
          for (let index = 0; rest.length > 0; index += 1) {
            const size = Math.max(1, cuts[index % cuts.length] ?? 1);
            reader.take(rest.subarray(0, size), (frame) => seen.push(Buffer.from(frame)));
            rest = rest.subarray(size);
          }
          assert.deepEqual(
            seen.map((frame) => new Uint8Array(frame)),
            frames,
          );
          assert.equal(reader.pendingBytes, 0);
        },
      ),
    );
  });

  it("of the longest length are taken whole, and what is pending is told", () => {
    const reader = createFrameReader();
    const longest = Buffer.alloc(65_535, 1);
    const bytes = framed([longest]);
    const seen: Buffer[] = [];
    reader.take(bytes.subarray(0, 65_000), (frame) => seen.push(frame));
    assert.deepEqual([seen.length, reader.pendingBytes], [0, 65_000]);
    reader.take(bytes.subarray(65_000), (frame) => seen.push(frame));
    assert.ok(seen[0]?.equals(longest));
  });

  it("that came in a slab in part are held in another, and let go of when they are whole", () => {
    for (const most of [1, 2]) {
      const pool = new SlabPool(most);
      const slab = pool.take();
      assert.ok(slab);
      const reader = createFrameReader(pool);
      const bytes = framed([Buffer.alloc(60_000, 1), Buffer.alloc(65_535, 2), Buffer.alloc(9, 3)]);
      const seen: [number, number | undefined][] = [];
      for (let at = 0; at < bytes.length; at += 50_000) {
        const read = slab.bytes.subarray(0, bytes.copy(slab.bytes, 0, at, at + 50_000));
        reader.take(read, (frame) => seen.push([frame.length, frame.at(-1)]));
        if (at === 0) assert.equal(pool.inUse, most);
      }
      assert.deepEqual(seen, [
        [60_000, 1],
        [65_535, 2],
        [9, 3],
      ]);
      assert.equal(pool.inUse, 1);
    }
  });

  it("that will never be whole are forgotten with their memory", () => {
    const pool = new SlabPool();
    const slab = pool.take();
    assert.ok(slab);
    const reader = createFrameReader(pool);
    slab.bytes.writeUInt16BE(100);
    reader.take(slab.bytes.subarray(0, 50), () => assert.fail("it is not whole"));
    assert.equal(pool.inUse, 2);
    reader.close();
    assert.deepEqual([pool.inUse, reader.pendingBytes], [1, 0]);
  });
});
