import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isPrintable, printableText } from "./printable-text.ts";

const HARMFUL = {
  "a line feed": "\n",
  "a carriage return": "\r",
  "an escape": "\u001b",
  "a C1 control": "\u009b",
  "a NUL": "\0",
  "a right-to-left override": "\u202e",
  "an isolate": "\u2066",
  "a zero-width space": "\u200b",
  "a byte-order mark": "\ufeff",
  "a soft hyphen": "\u00ad",
  "a line separator": "\u2028",
  "half a character": "\ud800",
  "a tag character": "\u{e0041}",
};

for (const [name, character] of Object.entries(HARMFUL)) {
  test(`${name} is not printable and is replaced`, () => {
    assert.ok(!isPrintable(`a${character}b`, 10));

    assert.equal(printableText(`a${character}b`, 10), "a\uFFFDb");
  });
}

test("letters of every script, symbols and spaces stay", () => {
  const text = "Zürich 東京 القاهرة 🚀 <a&b>";
  assert.ok(isPrintable(text, 40));
  assert.equal(printableText(text, 40), text);
});

test("text at the limit stays whole; one character more is cut and says so", () => {
  assert.equal(printableText("😀😀😀", 3), "😀😀😀");
  assert.equal(printableText("😀😀😀😀", 3), "😀😀…");
  assert.ok(isPrintable("😀😀😀", 3));
  assert.ok(!isPrintable("😀😀😀😀", 3));
});

test("whatever the text, the result is printable and within the limit, and making it twice changes nothing", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 20 }), (text, limit) => {
      const result = printableText(text, limit);
      assert.ok(isPrintable(result, limit));
      assert.equal(printableText(result, limit), result);
      assert.equal(result === text, isPrintable(text, limit));
    }),
  );
});
