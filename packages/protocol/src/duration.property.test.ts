import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatDuration, parseDuration } from "./duration.ts";
import { LIMITS } from "./limits.ts";

test("every whole second comes back as it was", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: LIMITS.durationMs.value / 1000 }), (seconds) => {
      assert.equal(parseDuration(formatDuration(seconds * 1000)), seconds * 1000);
    }),
  );
});
