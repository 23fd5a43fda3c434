import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { escapeControls, oneLine } from "./safe-text.ts";

test("any text: one line has no control character, and is stable", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const safe = oneLine(text);
      assert.doesNotMatch(safe, /[\p{Cc}\p{Cf}\u2028\u2029]/u);
      assert.equal(oneLine(safe), safe);
    }),
  );
});

test("any JSON value: escaping keeps it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const json = JSON.stringify(value);
      assert.deepEqual(JSON.parse(escapeControls(json)), JSON.parse(json));
    }),
  );
});
