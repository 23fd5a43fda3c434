import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { concatBytes } from "./bytes.ts";
import { isTautlineError } from "./error.ts";
import { FORWARD_FRAMES, ForwardDecoder, type ForwardFrame } from "./forward-frame.ts";
import { frameBytes, type ReadFrame, recordingSink } from "../test/recorded-frames.ts";

const payloadOf = (frame: ForwardFrame): fc.Arbitrary<Uint8Array> =>
  frame === "end" || frame === "alive"
    ? fc.uint8Array(frame === "end" ? exactly(8) : exactly(1))
    : fc.uint8Array({ minLength: 1, maxLength: 40 });

const exactly = (bytes: number) => ({ minLength: bytes, maxLength: bytes });

const anyFrame: fc.Arbitrary<ReadFrame> = fc
  .constantFrom(...(Object.keys(FORWARD_FRAMES) as ForwardFrame[]))
  .chain((frame) => payloadOf(frame).map((payload) => ({ frame, payload })));

/** Where bytes are cut; every number is taken modulo their length. */
const cuts = fc.array(fc.nat(), { maxLength: 12 });

function pieces(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length];
  ends.sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

test("any frames, cut anywhere, come out as they went in", () => {
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 8 }), cuts, (frames, places) => {
      const read = recordingSink();
      const decoder = new ForwardDecoder(read.sink);
      const bytes = concatBytes(...frames.map(({ frame, payload }) => frameBytes(frame, payload)));
      for (const piece of pieces(bytes, places)) decoder.take(piece);
      assert.deepEqual(read.frames(), joined(frames));
      assert.ok(decoder.isBetweenFrames);
    }),
    { numRuns: 1000 },
  );
});

test("frames that are cut off leave the decoder within one", () => {
  fc.assert(
    fc.property(anyFrame, fc.nat(), ({ frame, payload }, place) => {
      const bytes = frameBytes(frame, payload);
      const decoder = new ForwardDecoder(recordingSink().sink);
      decoder.take(bytes.subarray(0, 1 + (place % (bytes.length - 1))));
      assert.ok(!decoder.isBetweenFrames);
    }),
  );
});

test("any bytes give frames or forward.malformed, and the same however they are cut", () => {
  const first = fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255);
  const length = fc.tuple(
    fc.constantFrom(0, 0, 0, 4, 255),
    fc.constantFrom(0, 0, 16, 255),
    fc.nat({ max: 20 }),
  );
  const noise = fc
    .array(fc.tuple(first, length, fc.uint8Array({ maxLength: 24 })), { maxLength: 6 })
    .map((parts) =>
      concatBytes(...parts.map(([type, size, rest]) => Uint8Array.of(type, ...size, ...rest))),
    );
  fc.assert(
    fc.property(noise, cuts, (bytes, places) => {
      assert.deepEqual(outcome(pieces(bytes, places)), outcome([bytes]));
    }),
    { numRuns: 2000 },
  );
});

function outcome(chunks: readonly Uint8Array[]): [ReadFrame[], string] {
  const read = recordingSink();
  const decoder = new ForwardDecoder(read.sink);
  try {
    for (const chunk of chunks) decoder.take(chunk);
    return [read.frames(), String(decoder.isBetweenFrames)];
  } catch (error) {
    assert.ok(isTautlineError(error) && error.code === "forward.malformed", String(error));
    return [read.frames(), error.message];
  }
}

/** Data that follows data is one: where frames begin means nothing to whoever reads the bytes. */
function joined(frames: readonly ReadFrame[]): ReadFrame[] {
  const read = recordingSink();
  for (const { frame, payload } of frames) {
    if (frame === "data") read.sink.data(payload);
    else read.sink.control(frame, payload);
  }
  return read.frames();
}
