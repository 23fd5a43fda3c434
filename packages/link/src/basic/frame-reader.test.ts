import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
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
            seen.push(...reader.take(rest.subarray(0, size)));
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
    assert.deepEqual(reader.take(bytes.subarray(0, 65_000)), []);
    assert.equal(reader.pendingBytes, 65_000);
    assert.ok(reader.take(bytes.subarray(65_000))[0]?.equals(longest));
  });
});
