import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { MessageHold } from "./message-hold.ts";
import { MessagePrefixReader } from "./message-prefix.ts";

const messages = fc.array(
  fc.record({ flag: fc.constantFrom(0, 1), body: fc.uint8Array({ maxLength: 40 }) }),
  { maxLength: 8 },
);
const cuts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 });

function encode(list: readonly { flag: number; body: Uint8Array }[]): Buffer {
  return Buffer.concat(
    list.flatMap(({ flag, body }) => {
      const prefix = Buffer.alloc(5);
      prefix[0] = flag;
      prefix.writeUInt32BE(body.length, 1);
      return [prefix, Buffer.from(body)];
    }),
  );
}

/** Cuts bytes into parts of these lengths, over and over. */
function partsOf(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const length = lengths[turn % lengths.length] ?? 1;
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  return parts;
}

test("however a body is cut, as many messages are counted as it has, and it ends at an edge only when it is whole", () => {
  fc.assert(
    fc.property(messages, cuts, (list, lengths) => {
      const bytes = encode(list);
      const reader = new MessagePrefixReader(40);
      for (const part of partsOf(bytes, lengths)) assert.equal(reader.read(part), undefined);
      assert.equal(reader.messages, list.length);
      assert.ok(reader.isAtEdge);
      const short = new MessagePrefixReader(40);
      for (const part of partsOf(bytes.subarray(0, -1), lengths)) short.read(part);
      assert.equal(short.isAtEdge, bytes.length === 0);
    }),
  );
});

test("the first message over the limit is told as soon as its prefix is there, by its length", () => {
  const length = fc.integer({ min: 41, max: 2 ** 32 - 1 });
  fc.assert(
    fc.property(messages, length, cuts, (list, over, lengths) => {
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(over, 1);
      const reader = new MessagePrefixReader(40);
      const told = partsOf(Buffer.concat([encode(list), prefix]), lengths).map((part) =>
        reader.read(part),
      );
      assert.equal(told.pop(), over);
      assert.ok(told.every((one) => one === undefined));
    }),
  );
});

test("any bytes are read to their end, whatever they mean", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 30 })), (parts) => {
      const reader = new MessagePrefixReader(2 ** 32);
      for (const part of parts) reader.read(part);
      assert.ok(reader.messages >= 0);
    }),
  );
});

test("what is held back and looked at passes whole and in order, however it is cut", () => {
  fc.assert(
    fc.property(messages, cuts, (list, lengths) => {
      const looked: { flag: number; body: Uint8Array }[] = [];
      const hold = new MessageHold({
        largestBytes: 40,
        message: (body, compressed) => {
          looked.push({ flag: Number(compressed), body: Uint8Array.from(body) });
          return undefined;
        },
      });
      const bytes = encode(list);
      const passed = partsOf(bytes, lengths).map((part) => hold.read(part));
      assert.ok(passed.every((one) => Buffer.isBuffer(one)));
      assert.deepEqual(Buffer.concat(passed.filter((one) => Buffer.isBuffer(one))), bytes);
      assert.deepEqual(
        looked,
        list.map((one) => ({ ...one })),
      );
      assert.deepEqual(hold.end(), Buffer.alloc(0));
    }),
  );
});
