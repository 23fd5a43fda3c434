import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { fromHex, toHex } from "./bytes.ts";
import { decodeUtf8, encodeUtf8, utf8Length } from "./utf8.ts";

test("text becomes UTF-8 and comes back", () => {
  assert.equal(toHex(encodeUtf8("aé€😀")), "61c3a9e282acf09f9880");

  assert.equal(decodeUtf8(fromHex("61c3a9e282acf09f9880")), "aé€😀");
});

test("a leading U+FEFF is text, so that one text has one encoding", () => {
  assert.equal(decodeUtf8(fromHex("efbbbf61")), "\uFEFFa");
});

const DAMAGED = {
  "a continuation byte alone": "80",
  "a character cut off": "e282",
  "a character in too many bytes": "c0af",
  "a surrogate": "eda080",
  "a code point beyond Unicode": "f4908080",
  "a byte that UTF-8 never has": "61ff",
};

for (const [name, hex] of Object.entries(DAMAGED)) {
  test(`${name} is refused, not replaced`, () => {
    assert.throws(() => decodeUtf8(fromHex(hex)), { code: "value.utf8" });
  });
}

test("half a character is refused, not replaced", () => {
  assert.throws(() => encodeUtf8("a\uD800"), { code: "value.utf8" });
  assert.throws(() => encodeUtf8("\uDC00a"), { code: "value.utf8" });
});

test("the length of a text is that of its bytes, and three for each lone surrogate", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.equal(utf8Length(text), Buffer.byteLength(text));
    }),
  );
  assert.equal(utf8Length("\uD800"), 3);
});
