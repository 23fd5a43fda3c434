import assert from "node:assert/strict";
import { test } from "node:test";
import { compareLevels, isLevel, isMutual, LEVELS } from "./level.ts";

test("levels rise from plaintext to mtls, and comparing sorts them so", () => {
  assert.deepEqual([...LEVELS], ["plaintext", "basic", "advanced", "tls", "mtls"]);

  assert.deepEqual(LEVELS.toReversed().sort(compareLevels), [...LEVELS]);
  assert.equal(compareLevels("tls", "tls"), 0);
});

test("only the exact names are levels", () => {
  for (const level of LEVELS) assert.ok(isLevel(level));
  for (const text of ["", "TLS", "mTLS", "tls ", "none", "toString"]) assert.ok(!isLevel(text));
});

test("both ends prove something at basic, advanced and mtls", () => {
  assert.deepEqual(LEVELS.filter(isMutual), ["basic", "advanced", "mtls"]);
});
