import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isTautlineError } from "./error.ts";
import { isForbiddenKey, parseJson } from "./json.ts";

const anyLimits = { maxBytes: 100_000, maxDepth: 32 };

const safeKey = fc.string().filter((key) => !isForbiddenKey(key));
const { value: document } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.string({ unit: "grapheme" }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(safeKey, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

test("whatever JSON.stringify writes of allowed values is read back as the same", () => {
  fc.assert(
    fc.property(document, fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      assert.deepEqual(parseJson(text, anyLimits), JSON.parse(text));
    }),
  );
});

const token = fc.constantFrom(
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"a"',
  '"b"',
  '"a',
  "1",
  "-",
  "1e999",
  "null",
  " ",
  "\\",
  '"',
  '"\\u0061"',
  '"__proto__"',
  "tru",
  "\n",
);

test("whatever the tokens, the result is that of JSON.parse or a refusal, and JSON.parse's refusals are kept", () => {
  fc.assert(
    fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
      const text = tokens.join("");
      try {
        assert.deepEqual(parseJson(text, anyLimits), JSON.parse(text));
      } catch (error) {
        assert.ok(isTautlineError(error) && error.code === "value.json", String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
