import assert from "node:assert/strict";
import { test } from "node:test";
import root from "../package.json" with { type: "json" };
import { type Level, LEVELS } from "./level.ts";
import { knowledgeOf, upgradeFor } from "./version-levels.ts";

test("this release knows every level", () => {
  for (const level of LEVELS) assert.equal(knowledgeOf(root.version, level).kind, "knows", level);
  assert.equal(upgradeFor(root.version, LEVELS), undefined);
});

/** [version, level, what is known] */
const ROWS: readonly (readonly [string, Level, string])[] = [
  ["0.0.9", "mtls", "0.1.0"],
  ["0.2.0", "basic", "knows"],
  // OV-2: "since 4.47 … incl. all 4.49 hotfixes".
  ["4.46", "basic", "4.47"],
  ["4.46.99", "basic", "4.47"],
  ["4.47", "basic", "knows"],
  ["4.49.12", "basic", "knows"],
  ["4.49.1.3", "basic", "knows"],
  // OV-3: since 4.50.
  ["4.49.12", "advanced", "4.50"],
  ["4.50", "advanced", "knows"],
  ["4.50.0+hotfix", "advanced", "knows"],
  ["4.9", "basic", "4.47"],
  ["4.46", "plaintext", "knows"],
  // Nothing was ever said of these.
  ["4.50", "mtls", "not-known"],
  ["3.9", "basic", "not-known"],
  ["5.0", "basic", "not-known"],
  ["nightly", "basic", "not-known"],
  ["4", "basic", "not-known"],
  ["4.5000000", "basic", "not-known"],
];

for (const [version, level, expected] of ROWS) {
  test(`OV-2, OV-3: version ${version} and ${level}: ${expected}`, () => {
    const known = knowledgeOf(version, level);
    assert.equal(known.kind === "too-old" ? known.since : known.kind, expected);
  });
}

test("the version to upgrade to is the newest that any of the levels wants, and none where none is known", () => {
  assert.equal(upgradeFor("4.46", ["basic", "advanced"]), "4.50");
  assert.equal(upgradeFor("4.46", ["advanced", "basic", "mtls"]), "4.50");
  assert.equal(upgradeFor("4.48", ["basic", "advanced"]), "4.50");
  assert.equal(upgradeFor("4.48", ["basic", "plaintext"]), undefined);
  assert.equal(upgradeFor("4.46", ["tls", "mtls"]), undefined);
  assert.equal(upgradeFor("7.1", ["basic"]), undefined);
});
