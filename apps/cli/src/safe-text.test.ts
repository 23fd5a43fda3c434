import assert from "node:assert/strict";
import { test } from "node:test";
import { escapeControls, oneLine, showControls } from "./safe-text.ts";

test("A27: an escape sequence in a name cannot reach the terminal", () => {
  assert.equal(oneLine("web\u001B[2J\u0007\u009B31m"), "web\uFFFD[2J\uFFFD\uFFFD31m");
});

test("a line stays one line: newlines, separators and bidi overrides are replaced", () => {
  for (const character of ["\n", "\r", "\u2028", "\u2029", "\u202E", "\u200B", "\u007F"]) {
    assert.equal(oneLine(`a${character}b`), "a\uFFFDb");
  }
});

test("text of several lines keeps its newlines and nothing else", () => {
  assert.equal(showControls("a\nb\tc\u001B"), "a\nb\uFFFDc\uFFFD");
});

test("letters of every script stay as they are", () => {
  const text = "Zürich 東京 emoji 🚀";
  assert.equal(oneLine(text), text);
});

test("escaped JSON holds no control character and means the same", () => {
  const value = { name: "a\u009B\u202E\u2028\u007F\u{E0001}b" };
  const json = escapeControls(JSON.stringify(value));
  assert.doesNotMatch(json, /[\p{Cc}\p{Cf}\u2028]/u);
  assert.deepEqual(JSON.parse(json), value);
});
