import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { InvalidArgumentError } from "commander";
import { countValue, durationValue, portValue, timeValue } from "./option-values.ts";

test("any text is a finite number or a usage mistake", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(portValue, countValue, durationValue, timeValue),
      fc.string(),
      (read, text) => {
        try {
          assert.ok(Number.isFinite(read(text)));
        } catch (error) {
          assert.ok(error instanceof InvalidArgumentError);
        }
      },
    ),
  );
});

test("every port survives being written and read", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 65_535 }), (port) => {
      assert.equal(portValue(String(port)), port);
    }),
  );
});
