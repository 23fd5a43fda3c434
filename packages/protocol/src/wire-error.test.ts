import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ERROR_CATALOGUE, type ErrorCode } from "./error-catalogue.ts";
import { TautlineError } from "./error.ts";
import { isPrintable } from "./printable-text.ts";
import { fromProblem, fromWireText, toProblem, toWireText } from "./wire-error.ts";

const ERROR = new TautlineError("enrolment.token_expired", {
  detail: { expiresAt: "2026-11-22T10:00:00Z" },
  cause: new Error("secret underneath"),
});

const SENTENCE = "The join token expired at 2026-11-22T10:00:00Z.";

test("an error travels as code, sentence and remedy", () => {
  const text = toWireText(ERROR);
  assert.equal(text, `enrolment.token_expired: ${SENTENCE} Remedy: ${ERROR.remedy}`);
  assert.deepEqual(fromWireText(text), {
    code: "enrolment.token_expired",
    text: `${SENTENCE} Remedy: ${ERROR.remedy}`,
  });
});

test("a cause never travels", () => {
  assert.ok(!toWireText(ERROR).includes("underneath"));
  assert.ok(!JSON.stringify(toProblem(ERROR)).includes("underneath"));
});

for (const code of Object.keys(ERROR_CATALOGUE) as ErrorCode[]) {
  test(`${code} is recognised after travelling, both ways`, () => {
    const error = new TautlineError(code);
    assert.equal(fromWireText(toWireText(error)).code, code);
    assert.equal(fromProblem(JSON.parse(JSON.stringify(toProblem(error))))?.code, code);
  });
}

const FOREIGN = [
  ["something else failed", "something else failed"],
  ["newer.reason: A sentence.", "newer.reason: A sentence."],
  ["constructor.name: A sentence.", "constructor.name: A sentence."],
  ["toString: A sentence.", "toString: A sentence."],
  ["", ""],
  ["a\r\nb\u001b[31m", "a\uFFFD\uFFFDb\uFFFD[31m"],
] as const;

for (const [text, shown] of FOREIGN) {
  test(`the foreign text ${JSON.stringify(text)} is shown, without a code`, () => {
    assert.deepEqual(fromWireText(text), { text: shown });
  });
}

test("a peer's text is cut at 1,000 characters", () => {
  assert.equal(fromWireText("a".repeat(1000)).text, "a".repeat(1000));
  assert.equal(fromWireText("a".repeat(1001)).text, `${"a".repeat(999)}…`);
});

test("A4: whatever a peer says, what comes out is printable and bounded", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 1100 }), (text) => {
      assert.ok(isPrintable(fromWireText(text).text, 1000));
    }),
  );
});

test("RFC 9457: a problem document has a type of its own, a title of the kind and a detail of the case", () => {
  assert.deepEqual(toProblem(ERROR), {
    type: "urn:tautline:error:enrolment.token_expired",
    title: "Enrolment: token expired",
    status: 401,
    detail: SENTENCE,
    code: "enrolment.token_expired",
    remedy: ERROR.remedy,
  });
});

const PROBLEMS: [string, unknown, ReturnType<typeof fromProblem>][] = [
  [
    "ours",
    toProblem(ERROR),
    {
      code: "enrolment.token_expired",
      title: "Enrolment: token expired",
      detail: SENTENCE,
      remedy: ERROR.remedy,
      status: 401,
    },
  ],
  [
    "another program's",
    { title: "Forbidden", status: 403 },
    { title: "Forbidden", detail: "Forbidden", status: 403 },
  ],
  ["one without a title", { detail: "No." }, { title: "No.", detail: "No.", status: 500 }],
  [
    "one of a newer version",
    { title: "T", detail: "D", code: "newer.reason", status: 409 },
    { title: "T", detail: "D", status: 409 },
  ],
  [
    "one with a status that is none",
    { title: "T", status: 200 },
    { title: "T", detail: "T", status: 500 },
  ],
  [
    "one with a status as text",
    { title: "T", status: "403" },
    { title: "T", detail: "T", status: 500 },
  ],
  [
    "one that would forge a line",
    { title: "a\nb" },
    { title: "a\uFFFDb", detail: "a\uFFFDb", status: 500 },
  ],
  [
    "one with a code that is an object's member",
    { title: "T", code: "toString" },
    { title: "T", detail: "T", status: 500 },
  ],
  ["one whose members are inherited", Object.create({ title: "T" }), undefined],
  ["an empty object", {}, undefined],
  ["a list", ["title"], undefined],
  ["null", null, undefined],
  ["a text", "title", undefined],
  ["a title that is no text", { title: { toString: "x" } }, undefined],
];

for (const [name, value, expected] of PROBLEMS) {
  test(`of a problem document that is ${name} what can be read is read`, () => {
    assert.deepEqual(fromProblem(value), expected);
  });
}
