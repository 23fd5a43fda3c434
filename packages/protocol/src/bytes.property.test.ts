import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  concatBytes,
  fromBase64Url,
  fromHex,
  lengthPrefixed,
  toBase64Url,
  toHex,
} from "./bytes.ts";

test("what hexadecimal and base64url write, they read", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.deepEqual(fromHex(toHex(bytes)), bytes);

      assert.deepEqual(fromBase64Url(toBase64Url(bytes)), bytes);
    }),
  );
});

test("base64url is what the platform writes", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.equal(toBase64Url(bytes), Buffer.from(bytes).toString("base64url"));
    }),
  );
});

test("one byte string has one base64url text: what is read is written the same", () => {
  const text = fc.string({
    unit: fc.constantFrom("A", "B", "z", "1", "9", "-", "_", "=", "+", "/", " "),
    maxLength: 12,
  });
  fc.assert(
    fc.property(text, (encoded) => {
      let bytes: Uint8Array;
      try {
        bytes = fromBase64Url(encoded);
      } catch {
        return;
      }
      assert.equal(toBase64Url(bytes), encoded);
    }),
  );
});

test("length-prefixed parts cannot be cut differently: other parts give other bytes", () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 4 }), { maxLength: 4 });
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const same = JSON.stringify(a.map(toHex)) === JSON.stringify(b.map(toHex));
      const joined = [a, b].map((list) => toHex(concatBytes(...list.map(lengthPrefixed))));
      assert.equal(joined[0] === joined[1], same);
    }),
  );
});
