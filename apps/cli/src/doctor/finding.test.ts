import assert from "node:assert/strict";
import { test } from "node:test";
import { renderFindings, sortFindings, type Finding, type Severity } from "./finding.ts";

const plain = (_style: string, text: string): string => text;

function finding(severity: Severity, what: string, where = "here"): Finding {
  return { severity, what, where, why: "because", remedy: "do it" };
}

test("errors come first, remarks last, and the same of the same place is said once", () => {
  const sorted = sortFindings([
    finding("info", "c"),
    finding("warning", "b"),
    finding("error", "a"),
    finding("error", "a"),
    finding("error", "a", "there"),
  ]);
  assert.deepEqual(
    sorted.map(({ what, where }) => `${what} ${where}`),
    ["a here", "a there", "b here", "c here"],
  );
});

test("a finding says what, where, why it matters and what to do", () => {
  assert.equal(
    renderFindings([finding("error", "It broke")], ["this program"], plain),
    [
      "error: It broke",
      "  where: here",
      "  why it matters: because",
      "  what to do: do it",
      "",
      "1 error. Looked at: this program.",
    ].join("\n"),
  );
});

test("the closing line counts by severity", () => {
  const rows: readonly (readonly [readonly Severity[], string])[] = [
    [[], "Nothing is wrong. Looked at: x."],
    [["warning", "warning", "error"], "1 error, 2 warnings. Looked at: x."],
    [["info"], "1 remark. Looked at: x."],
  ];
  for (const [severities, line] of rows) {
    const findings = severities.map((severity, index) => finding(severity, String(index)));
    assert.equal(renderFindings(findings, ["x"], plain).split("\n").at(-1), line);
  }
});

test("A27: a finding's text cannot write escape sequences", () => {
  assert.doesNotMatch(renderFindings([finding("error", "\u001B[2J")], ["x"], plain), /\p{Cc}\[2J/u);
});
