import assert from "node:assert/strict";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { describe, it } from "node:test";
import { array, assert as check, asyncProperty, uint8Array } from "fast-check";
import { lend, memoryOf } from "../slabs/counted-memory.ts";
import { createJoint } from "./joint.ts";

async function allOf(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  await once(stream, "end");
  return Buffer.concat(parts);
}

describe("a joint between two streams", () => {
  it("gives at one end what was written at the other, in order, however it is cut into parts", () =>
    check(
      asyncProperty(array(uint8Array({ minLength: 1, maxLength: 70_000 })), async (all) => {
        const [near, far] = createJoint();
        const heard = allOf(far);
        for (const part of all) near.write(part);
        near.end();
        assert.deepEqual(await heard, Buffer.concat(all));
      }),
      { numRuns: 30 },
    ));

  it("half-closes: one direction ends while the other goes on", async () => {
    const [near, far] = createJoint();
    near.end("asked");
    assert.equal(String(await allOf(far)), "asked");
    assert.equal(far.writable, true);
    far.end("answered");
    assert.equal(String(await allOf(near)), "answered");
  });

  it("holds a writer back whose other end is not read, and takes all of it when it is", async () => {
    const [near, far] = createJoint();
    const parts = Array.from({ length: 64 }, (_, at) => Buffer.alloc(16 * 1024, at));
    while (near.write(parts[0])) {
      // Until it has no room.
    }
    assert.ok(near.writableLength + far.readableLength < 1024 * 1024);
    const heard = allOf(far);
    await once(near, "drain");
    for (const part of parts) near.write(part);
    near.end();
    assert.ok((await heard).subarray(-parts.length * 16 * 1024).equals(Buffer.concat(parts)));
  });

  it("keeps what was written in memory that is lent, and taken back once it is written", async () => {
    const [near, far] = createJoint();
    const lent = new Uint8Array(32 * 1024).fill(7);
    lend(lent);
    memoryOf(lent)?.retain();
    const { promise: written, resolve } = Promise.withResolvers<unknown>();
    near.write(lent, resolve);
    await written;
    memoryOf(lent)?.release();
    near.end();
    assert.equal(lent.length, 0);
    const heard = await allOf(far);
    assert.ok(heard.equals(Buffer.alloc(32 * 1024, 7)));
  });

  it("leaves no writer waiting when its other end is reset", async () => {
    const [near, far] = createJoint();
    near.on("error", () => {});
    while (near.write(Buffer.alloc(64 * 1024))) {
      // Until it has no room.
    }
    const over = new Promise((resolve) => near.once("close", resolve));
    far.resetAndDestroy();
    near.write("more");
    await over;
  });
});
