import assert from "node:assert/strict";
import { test } from "node:test";
import { examineProgram } from "./examine-program.ts";

test("Node before 22.20 is an error", () => {
  const rows: readonly (readonly [string, boolean])[] = [
    ["20.19.0", true],
    ["22.19.9", true],
    ["22.20.0", false],
    ["24.0.0", false],
    ["26.10.0", false],
  ];
  for (const [version, isTooOld] of rows) {
    const findings = examineProgram(version, 1000);
    assert.equal(findings.length > 0, isTooOld, version);
    if (isTooOld) assert.equal(findings[0]?.severity, "error");
  }
});

test("running as root is a warning; a platform without users is not", () => {
  assert.deepEqual(
    examineProgram("26.10.0", 0).map(({ severity, what }) => [severity, what]),
    [["warning", "This runs as root"]],
  );
  assert.deepEqual(examineProgram("26.10.0", undefined), []);
});
