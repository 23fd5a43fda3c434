import assert from "node:assert/strict";
import { test } from "node:test";
import { isOperatorName, isOperatorRole, parseOperatorName, roleIncludes } from "./operator.ts";

const NAMES = ["ana", "a", "ana@example.org", "ci-deploy_2", "0ps", "a".repeat(64)];

const NOT_NAMES = [
  ["empty", ""],
  ["over 64 characters", "a".repeat(65)],
  ["the admin socket's own", "local"],
  ["upper case", "Ana"],
  ["a space", "ana b"],
  ["a line feed at the end", "ana\n"],
  ["a slash", "ana/b"],
  ["a dot first", ".ana"],
  ["a hyphen last", "ana-"],
  ["a Cyrillic letter", "\u0430na"],
  ["a terminal's escape", "ana\u001b[1m"],
] as const;

for (const text of NAMES) {
  test(`'${text}' is an operator's name`, () => assert.equal(parseOperatorName(text), text));
}

for (const [why, text] of NOT_NAMES) {
  test(`no operator's name: ${why}`, () => {
    assert.equal(isOperatorName(text), false);
    assert.throws(() => parseOperatorName(text), { code: "value.operator_name" });
  });
}

/** [held, needed, enough] */
const ROLES = [
  ["viewer", "viewer", true],
  ["viewer", "operator", false],
  ["viewer", "admin", false],
  ["operator", "viewer", true],
  ["operator", "operator", true],
  ["operator", "admin", false],
  ["admin", "viewer", true],
  ["admin", "operator", true],
  ["admin", "admin", true],
] as const;

for (const [held, needed, enough] of ROLES) {
  test(`the role ${held} is ${enough ? "" : "not "}enough where ${needed} is needed`, () =>
    assert.equal(roleIncludes(held, needed), enough));
}

test("only the three roles are roles", () => {
  for (const role of ["viewer", "operator", "admin"]) assert.equal(isOperatorRole(role), true);
  for (const text of ["", "Admin", "root", "admin ", "constructor"]) {
    assert.equal(isOperatorRole(text), false);
  }
});
