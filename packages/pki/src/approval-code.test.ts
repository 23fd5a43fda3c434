import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { approvalCode, isSameCode } from "./approval-code.ts";

const pin = fc.uint8Array({ minLength: 32, maxLength: 32 });

test("a code is the first 120 bits of SHA-256 over label and pins, in Crockford's base32", () => {
  // Computed apart from this code, in Python, by hashlib.
  const zero = new Uint8Array(32);
  assert.equal(approvalCode(zero, zero), "3VT-ADX-H9Y-GFM-KWV-W46-A84-DZT");
});

test("a code is eight groups of three, without letters that look like others", () => {
  fc.assert(
    fc.property(pin, pin, (client, server) => {
      assert.match(
        approvalCode(client, server),
        /^([0-9A-HJKMNP-TV-Z]{3}-){7}[0-9A-HJKMNP-TV-Z]{3}$/,
      );
    }),
  );
});

test("other keys, and the same keys the other way round, have another code", () => {
  fc.assert(
    fc.property(pin, pin, pin, (client, server, other) => {
      const code = approvalCode(client, server);
      if (Buffer.compare(server, other) !== 0) assert.notEqual(approvalCode(client, other), code);
      if (Buffer.compare(client, server) !== 0) assert.notEqual(approvalCode(server, client), code);
    }),
  );
});

for (const [typed, isSame] of [
  ["ABC-123-XYZ", true],
  ["abc-123-xyz", true],
  ["ABC123XYZ", true],
  [" abc 123 xyz ", true],
  ["ABC-123-XY", false],
  ["ABC-123-XYZ0", false],
  ["", false],
] as const) {
  test(`'${typed}' ${isSame ? "is" : "is not"} the code ABC-123-XYZ`, () => {
    assert.equal(isSameCode("ABC-123-XYZ", typed), isSame);
  });
}
