import assert from "node:assert/strict";
import { it } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import { z } from "zod";
import { parseConfig } from "./config-file.ts";
import { portSetting } from "./config-values.ts";

const schema = z.strictObject({
  port: portSetting(1).describe("A port."),
  inner: z.strictObject({ name: z.string().default("").describe("A name.") }).prefault({}),
});

function parse(text: string): unknown {
  return parseConfig("central", "f", text, schema);
}

it("any text gives settings or config.invalid, never another error", () => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "port: ",
      "inner:\n  ",
      "name: ",
      "\n",
      "- ",
      "&a ",
      "*a",
      "{",
      "}",
      "!!x ",
      "? ",
      "|",
      "---\n",
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      try {
        parse(pieces.join(""));
      } catch (error) {
        assert.ok(isTautlineError(error) && error.code === "config.invalid", String(error));
      }
    }),
  );
});

it("what JSON writes of valid settings is read back the same", () => {
  const name = fc.string({ unit: "grapheme" });
  const port = fc.integer({ min: 0, max: 65_535 });
  const plain = { noNullPrototype: true };
  const settings = fc.record({ port, inner: fc.record({ name }, plain) }, plain);
  fc.assert(
    fc.property(settings, (value) => {
      assert.deepEqual(parse(JSON.stringify(value)), value);
    }),
  );
});
