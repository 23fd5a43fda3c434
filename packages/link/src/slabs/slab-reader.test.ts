import assert from "node:assert/strict";
import { once } from "node:events";
import { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { test } from "node:test";
import { openSocketPair, type SocketPair } from "@tautline/testing";
import { array, assert as assertProperty, nat, property } from "fast-check";
import { SLAB_BYTES, SlabPool, slabOf } from "./slab.ts";
import { readIntoSlabs } from "./slab-reader.ts";

const HEADROOM = 4;

interface Reading extends AsyncDisposable {
  readonly pair: SocketPair;
  readonly pool: SlabPool;
  /** What was read, without its headroom, still where it was read to. */
  readonly reads: Buffer[];
  /** Waits until so many bytes were read. */
  readonly until: (bytes: number) => Promise<void>;
}

async function startReading(pool = new SlabPool(), keep = false): Promise<Reading> {
  const pair = await openSocketPair();
  const reads: Buffer[] = [];
  const take = (bytes: Buffer): void => {
    if (keep) slabOf(bytes)?.retain();
    reads.push(bytes.subarray(HEADROOM));
  };
  const options = { pool, headroom: HEADROOM, leastRoom: 1024, take };
  assert.ok(readIntoSlabs(pair.accepted, options), "this Node lets sockets read into our memory");
  pair.accepted.resume();
  return {
    pair,
    pool,
    reads,
    until: async (bytes) => {
      while (reads.reduce((sum, { length }) => sum + length, 0) < bytes) await nextTurn();
    },
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  };
}

test("small reads are copied, and hold no slab", async () => {
  await using reading = await startReading();
  for (const text of ["one", "two"]) {
    reading.pair.dialled.write(text);
    await reading.until(3 * (reading.reads.length + 1));
  }
  assert.deepEqual(reading.reads.map(String), ["one", "two"]);
  assert.deepEqual(reading.reads.map(slabOf), [undefined, undefined]);
  assert.equal(reading.pool.inUse, 0);
});

test("much is read into slabs, which are used again, and one small read gives the last one back", async () => {
  await using reading = await startReading();
  const { dialled } = reading.pair;
  const total = 40 * SLAB_BYTES;
  dialled.write(Buffer.alloc(total));
  await reading.until(total);
  assert.ok(reading.reads.some((read) => slabOf(read) !== undefined));
  assert.ok(reading.pool.inUse <= 1, "nobody kept what was read: one is enough");
  dialled.write("a little");
  await reading.until(total + 8);
  assert.equal(reading.pool.inUse, 0);
});

test("what is kept is not read over, and beyond the last slab it is copied", async () => {
  const pool = new SlabPool(2);
  await using reading = await startReading(pool, true);
  const sent = Buffer.alloc(12 * SLAB_BYTES);
  for (let at = 0; at < sent.length; at += 4) sent.writeUInt32BE(at, at);
  reading.pair.dialled.write(sent);
  await reading.until(sent.length);
  assert.ok(Buffer.concat(reading.reads).equals(sent));
  assert.equal(pool.inUse, 2);
  const inSlabs = reading.reads.filter((read) => slabOf(read) !== undefined);
  assert.ok(inSlabs.length > 0 && inSlabs.length < reading.reads.length);
});

test("a stream that was closed gives its slab back", async () => {
  await using reading = await startReading();
  reading.pair.dialled.end(Buffer.alloc(SLAB_BYTES));
  await once(reading.pair.accepted, "end");
  reading.pair.accepted.destroy();
  await once(reading.pair.accepted, "close");
  assert.equal(reading.pool.inUse, 0);
});

test("a stream that is paused reads nothing, and loses nothing", async () => {
  await using reading = await startReading();
  const { dialled, accepted } = reading.pair;
  accepted.pause();
  dialled.end(Buffer.alloc(SLAB_BYTES, 7));
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  assert.equal(reading.reads.length, 0);
  accepted.resume();
  await once(accepted, "end");
  assert.ok(Buffer.concat(reading.reads).length === SLAB_BYTES);
});

test("what Node had read before comes first, by its own event", async () => {
  await using pair = await openSocketPair();
  const { dialled, accepted } = pair;
  dialled.write("before");
  await once(accepted, "readable");
  accepted.removeAllListeners("readable");
  const order: string[] = [];
  accepted.on("data", (chunk: Buffer) => order.push(`event ${String(chunk)}`));
  const take = (bytes: Buffer): void => void order.push(`read ${String(bytes)}`);
  assert.ok(readIntoSlabs(accepted, { pool: new SlabPool(), headroom: 0, leastRoom: 1, take }));
  accepted.resume();
  dialled.end("after");
  await once(accepted, "end");
  assert.deepEqual(order, ["event before", "read after"]);
});

test("of what is no socket, or is read so already, nothing is changed", async () => {
  const options = { pool: new SlabPool(), headroom: 0, leastRoom: 1, take: () => {} };
  assert.equal(readIntoSlabs(new Duplex({ read() {} }), options), false);
  await using reading = await startReading();
  assert.equal(readIntoSlabs(reading.pair.accepted, options), false);
  reading.pair.dialled.destroy();
  assert.equal(readIntoSlabs(reading.pair.dialled, options), false);
});

test("no order of takes and releases gives one slab to two", () => {
  assertProperty(
    property(array(nat(9), { maxLength: 200 }), (steps) => {
      const pool = new SlabPool(5);
      const held: NonNullable<ReturnType<SlabPool["take"]>>[] = [];
      for (const step of steps) {
        const slab = step < 5 ? pool.take() : undefined;
        if (slab !== undefined) held.push(slab);
        if (step >= 5) held.splice(step % (held.length || 1), 1)[0]?.release();
        assert.equal(new Set(held).size, held.length);
        assert.equal(pool.inUse, held.length);
        assert.ok(held.length <= 5);
      }
    }),
  );
});
