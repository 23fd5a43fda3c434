import assert from "node:assert/strict";
import { test } from "node:test";
import { type Captures, findMismatch } from "./match-lines.ts";
import { parseScript } from "./script.ts";

test("a page is read into commands, expectations and files", () => {
  const page = [
    "# What this page is about.",
    "needs central",
    "",
    "> tautline a",
    "out 1",
    "",
    "| # out 3",
    "! err",
    "exit 2",
    "",
    "# A remark.",
    "> tautline b",
    "",
    "-- file.txt --",
    "content",
    "",
  ].join("\n");
  assert.deepEqual(parseScript(page), {
    title: "What this page is about.",
    needsCentral: true,
    steps: [
      {
        line: 4,
        command: "tautline a",
        stdout: ["out 1", "", "# out 3"],
        stderr: ["err"],
        exit: 2,
      },
      { line: 12, command: "tautline b", stdout: [], stderr: [], exit: 0 },
    ],
    files: { "file.txt": "content\n\n" },
  });
});

test("lines match as written, words in angle brackets by their kind, wide gaps by any width", () => {
  const rows: readonly (readonly [readonly string[], string, string | undefined])[] = [
    [["a.c"], "a.c\n", undefined],
    [["a.c"], "abc\n", "a.c"],
    [["ID  STATE"], "ID      STATE\n", undefined],
    [["ID  STATE"], "ID STATE\n", "ID  STATE"],
    [["at <time>"], "at 2026-11-22T10:03:15Z\n", undefined],
    [["at <time>"], "at noon\n", "at <time>"],
    [["<key>"], "too-short\n", "<key>"],
    [[], "", undefined],
    [[], "unexpected\n", "(nothing more)"],
    [["a", "b"], "a\n", "b"],
    [["...", "z"], "a\nb\nz\n", undefined],
    [["...", "z"], "a\nb\n", "z"],
    [["a", "..."], "a\nb\n", undefined],
  ];
  for (const [expected, printed, mismatch] of rows) {
    assert.equal(findMismatch(expected, printed, {}), mismatch, `${expected.join()} / ${printed}`);
  }
});

test("a captured value stands for itself later", () => {
  const captures: Captures = {};
  assert.equal(findMismatch(["id <hex:ID>"], "id 0a1b\n", captures), undefined);
  assert.equal(captures["ID"], "0a1b");
  assert.equal(findMismatch(["again $ID"], "again 0a1b\n", captures), undefined);
  assert.equal(findMismatch(["again $ID"], "again 0a1c\n", captures), "again $ID");
});
