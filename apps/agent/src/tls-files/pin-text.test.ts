import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { readPin } from "./pin-text.ts";

test("a pin is read in every spelling, and any other text is none", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
      const pin = Buffer.from(bytes);
      const base64 = pin.toString("base64");
      const spellings = [pin.toString("hex"), pin.toString("hex").toUpperCase()];
      spellings.push(base64, base64.slice(0, -1), pin.toString("base64url"));
      for (const text of spellings) assert.deepEqual(Buffer.from(readPin(text) ?? []), pin);
      for (const text of spellings) assert.equal(readPin(text.slice(1)), undefined);
    }),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), (text) => {
      assert.ok(readPin(text) === undefined || /^(?:[0-9a-f]{64}|[\w+/-]{43}=?)$/i.test(text));
    }),
  );
});
