import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isTautlineError } from "./error.ts";
import { decodeLevelOrder, encodeLevelOrder, type LevelOrder } from "./level-order.ts";
import { isLevel, LEVELS, type Level } from "./level.ts";

const isMalformed = (error: unknown): boolean =>
  isTautlineError(error) && error.code === "instruction.malformed";

test("an order comes back as it was written, with addresses and without", () => {
  for (const level of LEVELS) {
    for (const addresses of [[], ["central.example.org:9150", "[2001:db8::1]:9150"]]) {
      assert.deepEqual(decodeLevelOrder(encodeLevelOrder({ level, addresses })), {
        level,
        addresses,
      });
    }
  }
});

test("an order to no level, or with addresses that lead nowhere, is refused", () => {
  const orders: readonly LevelOrder[] = [
    { level: "none" as Level, addresses: [] },
    { level: "" as Level, addresses: [] },
    { level: "MTLS" as Level, addresses: ["a:1"] },
    { level: "mtls", addresses: ["central"] },
    { level: "mtls", addresses: ["a:1", "a:1"] },
    { level: "mtls", addresses: Array.from({ length: 17 }, (_, at) => `h${at}:1`) },
  ];
  for (const order of orders) assert.throws(() => encodeLevelOrder(order), isMalformed);
});

test("bytes that are no such order, or in another encoding, are refused", () => {
  const good = encodeLevelOrder({ level: "mtls", addresses: ["a:1"] });
  for (const bytes of [
    new Uint8Array(),
    Uint8Array.of(0xff),
    Uint8Array.from([...good, 0xf8, 0x07, 0x01]),
    good.subarray(0, good.length - 1),
    new Uint8Array(8 * 1024 + 1),
  ]) {
    assert.throws(() => decodeLevelOrder(bytes), isMalformed);
  }
});

test("no bytes do anything but give an order that can be written again, or the one refusal", () => {
  const good = fc
    .record({
      level: fc.constantFrom(...LEVELS),
      addresses: fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { maxLength: 16 }),
    })
    .map(({ level, addresses }) =>
      encodeLevelOrder({ level, addresses: addresses.map((port) => `central.example:${port}`) }),
    );
  const bent = fc
    .tuple(good, fc.nat(), fc.nat(255))
    .map(([bytes, at, byte]) => bytes.with(at % bytes.length, byte));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), good, bent), (bytes) => {
      try {
        const order = decodeLevelOrder(bytes);
        assert.ok(isLevel(order.level));
        assert.deepEqual(Buffer.from(encodeLevelOrder(order)), Buffer.from(bytes));
      } catch (error) {
        assert.ok(isMalformed(error));
      }
    }),
  );
});
