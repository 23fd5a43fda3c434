import assert from "node:assert/strict";
import { test } from "node:test";
import { frameBytes, recordingSink } from "../test/recorded-frames.ts";
import { toHex } from "./bytes.ts";
import { isTautlineError } from "./error.ts";
import { ForwardDecoder, type ForwardFrame, writeForwardHeader } from "./forward-frame.ts";

const HEADERS: [ForwardFrame, number, string][] = [
  ["open", 1, "01000001"],
  ["opened", 2, "02000002"],
  ["refused", 4096, "03001000"],
  ["data", 262_144, "04040000"],
  ["end", 8, "05000008"],
  ["reset", 300, "0600012c"],
  ["close", 255, "070000ff"],
  ["alive", 1, "08000001"],
];

for (const [frame, length, hex] of HEADERS) {
  test(`the header of '${frame}' with ${length} bytes is ${hex}`, () => {
    assert.equal(toHex(writeForwardHeader(new Uint8Array(4), frame, length)), hex);
  });
}

/** [what is wrong, the header that says it]. */
const REFUSED: [string, readonly number[]][] = [
  ["type 0", [0, 0, 0, 1]],
  ["type 9", [9, 0, 0, 1]],
  ["type 255", [255, 0, 0, 1]],
  ["an empty open", [1, 0, 0, 0]],
  ["an open of 4,097 bytes", [1, 0, 16, 1]],
  ["empty data", [4, 0, 0, 0]],
  ["data of 262,145 bytes", [4, 4, 0, 1]],
  ["data of 16,777,215 bytes", [4, 255, 255, 255]],
  ["an end of 7 bytes", [5, 0, 0, 7]],
  ["an end of 9 bytes", [5, 0, 0, 9]],
  ["an alive of 2 bytes", [8, 0, 0, 2]],
  ["a close of 65,536 bytes", [7, 1, 0, 0]],
];

for (const [what, header] of REFUSED) {
  test(`${what} is refused by its header alone, before any payload came`, () => {
    const read = recordingSink();
    const decoder = new ForwardDecoder(read.sink);
    assert.throws(
      () => decoder.take(Uint8Array.from(header)),
      (error) => isTautlineError(error) && error.code === "forward.malformed",
    );
    assert.deepEqual(read.frames(), []);
  });
}

test("payload of data is passed on as it comes, in the memory it came in", () => {
  const parts: Uint8Array[] = [];
  const decoder = new ForwardDecoder({ data: (part) => parts.push(part), control: assert.fail });
  const bytes = frameBytes("data", new Uint8Array(10).fill(7));
  const chunks = [bytes.subarray(0, 9), bytes.subarray(9)];
  for (const chunk of chunks) decoder.take(chunk);
  assert.deepEqual(
    parts.map(({ length }) => length),
    [5, 5],
  );
  for (const part of parts) assert.equal(part.buffer, bytes.buffer);
  assert.equal(parts[1], chunks[1], "a chunk that is all payload is passed on itself");
});
