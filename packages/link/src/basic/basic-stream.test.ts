import assert from "node:assert/strict";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { describe, it } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { openSocketPair, type SocketPair } from "@tautline/testing";
import { initiate, type NoiseKeys, respond } from "../noise/nnpsk0.ts";
import { memoryOf } from "../slabs/counted-memory.ts";
import { SlabPool } from "../slabs/slab.ts";
import { BasicStream } from "./basic-stream.ts";
import { frameLength } from "./frame-reader.ts";

const address = "central.test:9150";
const head = Buffer.alloc(0);

function keysOfBoth(): readonly [NoiseKeys, NoiseKeys] {
  const shared = { prologue: Buffer.alloc(0), psk: Buffer.alloc(32, 3) };
  const dialling = initiate(shared);
  const answered = respond(shared, dialling.message);
  return [dialling.finish(answered.message).keys, answered.keys];
}

interface Ends {
  readonly stream: BasicStream;
  /** The other end's keys: the test plays it byte by byte. */
  readonly keys: NoiseKeys;
}

function secure(pair: SocketPair, rekeyAfter?: number): Ends {
  const [keys, own] = keysOfBoth();
  const more = rekeyAfter === undefined ? {} : { rekeyAfter };
  const stream = new BasicStream({ socket: pair.accepted, keys: own, head, address, ...more });
  return { stream, keys };
}

function framed(keys: NoiseKeys, text: string): Buffer {
  const sealed = Buffer.concat(keys.sending.seal(Buffer.from(text)));
  return Buffer.concat([frameLength(sealed.length), sealed]);
}

async function errorOf(stream: BasicStream): Promise<string> {
  stream.resume();
  const [error] = (await once(stream, "error")) as [unknown];
  return isTautlineError(error) ? error.code : String(error);
}

describe("a stream of the basic level", () => {
  it("ends only where the other end said so", async () => {
    await using pair = await openSocketPair();
    const { stream, keys } = secure(pair);
    pair.dialled.write(framed(keys, "all of it"));
    pair.dialled.end(framed(keys, ""));
    assert.equal((await buffer(stream)).toString(), "all of it");
  });

  it("that is cut between two messages is never taken for one that ended", async () => {
    await using pair = await openSocketPair();
    const { stream, keys } = secure(pair);
    pair.dialled.end(framed(keys, "half of it"));
    assert.equal(await errorOf(stream), "link.truncated");
  });

  it("that is cut inside a message is never taken for one that ended", async () => {
    await using pair = await openSocketPair();
    const { stream, keys } = secure(pair);
    pair.dialled.end(framed(keys, "half of it").subarray(0, 9));
    assert.equal(await errorOf(stream), "link.truncated");
  });

  it("refuses a message that comes twice", async () => {
    await using pair = await openSocketPair();
    const { stream, keys } = secure(pair);
    const once_ = framed(keys, "pay 10");
    pair.dialled.write(Buffer.concat([once_, once_]));
    assert.equal(await errorOf(stream), "link.noise_refused");
  });

  it("refuses messages in another order", async () => {
    await using pair = await openSocketPair();
    const { stream, keys } = secure(pair);
    const [first, second] = [framed(keys, "first"), framed(keys, "second")];
    pair.dialled.write(Buffer.concat([second, first]));
    assert.equal(await errorOf(stream), "link.noise_refused");
  });

  it("refuses its own messages when they come back (reflection, A23)", async () => {
    await using pair = await openSocketPair();
    const { stream } = secure(pair);
    pair.dialled.pipe(pair.dialled);
    stream.write("to the other end");
    assert.equal(await errorOf(stream), "link.noise_refused");
  });

  it("refuses whatever follows the end", async () => {
    await using pair = await openSocketPair();
    const { stream, keys } = secure(pair);
    pair.dialled.write(Buffer.concat([framed(keys, ""), framed(keys, "more")]));
    assert.equal(await errorOf(stream), "link.noise_refused");
  });

  it("refuses a message that is shorter than its seal", async () => {
    await using pair = await openSocketPair();
    const { stream } = secure(pair);
    pair.dialled.write(Buffer.concat([frameLength(15), Buffer.alloc(15)]));
    assert.equal(await errorOf(stream), "link.noise_refused");
  });

  it("goes on over the moments at which its keys are replaced", async () => {
    await using pair = await openSocketPair();
    const [dialled, accepted] = keysOfBoth();
    const options = { head, address, rekeyAfter: 3 };
    const from = new BasicStream({ socket: pair.dialled, keys: dialled, ...options });
    const to = new BasicStream({ socket: pair.accepted, keys: accepted, ...options });
    const parts = Array.from({ length: 20 }, (_, index) => `part ${index};`);
    for (const part of parts) from.write(part);
    from.end();
    assert.equal((await buffer(to)).toString(), parts.join(""));
  });

  for (const slabs of [new SlabPool(), null]) {
    it(`carries much ${slabs === null ? "read as Node does" : "read into slabs"}, and leaves none in use`, async () => {
      await using pair = await openSocketPair();
      const [dialled, accepted] = keysOfBoth();
      const from = new BasicStream({ socket: pair.dialled, keys: dialled, head, address, slabs });
      const to = new BasicStream({ socket: pair.accepted, keys: accepted, head, address, slabs });
      const sent = Buffer.from(Array.from({ length: 1_000_003 }, (_, index) => index % 251));
      for (let at = 0; at < sent.length; at += 150_000) from.write(sent.subarray(at, at + 150_000));
      from.end();
      assert.ok((await buffer(to)).equals(sent));
      to.destroy();
      await once(pair.accepted, "close");
      assert.equal(slabs?.inUse ?? 0, 0);
    });
  }

  it("lends a long message to whoever counts, and frees it after the last of them", async () => {
    await using pair = await openSocketPair();
    const { stream, keys } = secure(pair);
    pair.dialled.write(framed(keys, "x".repeat(60_000)));
    const [chunk] = (await once(stream, "data")) as [Buffer];
    const memory = memoryOf(chunk);
    memory?.retain();
    assert.equal(chunk.length, 60_000);
    memory?.release();
    assert.equal(chunk.length, 0);
  });

  it("does not read faster than it is read from", async () => {
    await using pair = await openSocketPair();
    const { stream, keys } = secure(pair);
    const paused = once(pair.accepted, "pause");
    stream.read(0);
    for (let count = 0; count < 3; count += 1) {
      pair.dialled.write(framed(keys, "x".repeat(60_000)));
    }
    await paused;
    assert.ok(stream.readableLength >= stream.readableHighWaterMark);
    stream.destroy();
  });

  it("closes the connection beneath when it is destroyed", async () => {
    await using pair = await openSocketPair();
    const { stream } = secure(pair);
    const closed = once(pair.accepted, "close");
    stream.destroy();
    await closed;
  });
});
