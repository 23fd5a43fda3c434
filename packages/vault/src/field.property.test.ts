import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import { openField, sealField } from "./field.ts";

const bytesOf = (size: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => Buffer.from(bytes));
const version = fc.integer({ min: 1, max: 0xffff_ffff });
const place = fc.record({ table: fc.string(), row: fc.string(), column: fc.string() });
const plain = fc.uint8Array({ maxLength: 2000 });

test("opening what was sealed gives it back", () => {
  fc.assert(
    fc.property(
      bytesOf(32),
      version,
      place,
      plain,
      bytesOf(12),
      (key, keyVersion, at, bytes, nonce) => {
        const sealed = sealField({ key, keyVersion, place: at, plain: bytes, nonce });
        const keyOf = (asked: number): Buffer | undefined =>
          asked === keyVersion ? key : undefined;
        assert.deepEqual(openField({ keyOf, place: at, sealed }), Buffer.from(bytes));
      },
    ),
  );
});

test("two different places never open each other's values", () => {
  const key = Buffer.alloc(32, 1);
  const nonce = Buffer.alloc(12, 2);
  fc.assert(
    fc.property(place, place, plain, (one, other, bytes) => {
      fc.pre(JSON.stringify(one) !== JSON.stringify(other));
      const sealed = sealField({ key, keyVersion: 1, place: one, plain: bytes, nonce });
      assert.throws(() => openField({ keyOf: () => key, place: other, sealed }), isTautlineError);
    }),
  );
});

test("any bytes at all end in vault.field_damaged, not in another error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isLikely) => {
      const sealed = isLikely ? Uint8Array.from([1, 0, 0, 0, 1, ...bytes]) : bytes;
      assert.throws(
        () =>
          openField({
            keyOf: () => Buffer.alloc(32),
            place: { table: "t", row: "r", column: "c" },
            sealed,
          }),
        (error) => isTautlineError(error) && error.code === "vault.field_damaged",
      );
    }),
  );
});
