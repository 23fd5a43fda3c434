import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError, type Level, LEVELS } from "@tautline/protocol";
import * as fc from "fast-check";
import { wantedPolicy } from "./wanted-policy.ts";

const REST = { clientProof: "none", postQuantum: "prefer", loopback: "keep" } as const;

const SETS: readonly [order: { floor?: Level; accept?: Level[] }, levels: readonly Level[]][] = [
  [{ floor: "plaintext" }, LEVELS],
  [{ floor: "advanced" }, ["advanced", "tls", "mtls"]],
  [{ floor: "mtls" }, ["mtls"]],
  [{ accept: ["mtls", "basic"] }, ["basic", "mtls"]],
  [{ accept: ["tls", "tls"] }, ["tls", "mtls"]],
];

for (const [order, levels] of SETS) {
  test(`${JSON.stringify(order)} accepts ${levels.join(", ")}`, () => {
    assert.deepEqual(wantedPolicy({ ...REST, ...order }), { ...REST, accept: levels });
  });
}

test("nothing said, both said, or nothing left is refused: no slip opens a level", () => {
  for (const order of [{}, { floor: "tls" as const, accept: [] }, { accept: [] }]) {
    assert.throws(
      () => wantedPolicy({ ...REST, ...order }),
      (error) => isTautlineError(error) && error.code === "api.invalid",
    );
  }
});

test("what is accepted is a set in rising order with all that was asked for, and at most mtls besides", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...LEVELS), { minLength: 1 }), (accept) => {
      const { accept: levels } = wantedPolicy({ ...REST, accept });
      assert.deepEqual(
        levels,
        LEVELS.filter((level) => levels.includes(level)),
      );
      for (const level of accept) assert.ok(levels.includes(level));
      const more = levels.filter((level) => !accept.includes(level));
      assert.deepEqual(more, more.length === 0 ? [] : ["mtls"]);
    }),
  );
});
