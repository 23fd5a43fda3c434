import assert from "node:assert/strict";
import { test } from "node:test";
import { asText, isRow, rowOf, rowsOf, textOf } from "./row.ts";

test("JSON values become words for people", () => {
  const rows: readonly (readonly [unknown, string])[] = [
    [null, ""],
    [undefined, ""],
    ["text", "text"],
    [true, "yes"],
    [false, "no"],
    [0, "0"],
    [["a", 1, true], "a, 1, yes"],
    [{ a: 1 }, '{"a":1}'],
  ];
  for (const [value, text] of rows) assert.equal(asText(value), text);
});

test("only objects with named fields are rows", () => {
  assert.equal(isRow({}), true);
  for (const value of [null, [], "x", 1, undefined]) assert.equal(isRow(value), false);
});

test("a field of another shape reads as nothing", () => {
  const row = { list: [{ a: 1 }, "x", null], object: { a: 1 }, text: "t" };
  assert.deepEqual(rowsOf(row, "list"), [{ a: 1 }]);
  assert.deepEqual(rowsOf(row, "text"), []);
  assert.deepEqual(rowOf(row, "object"), { a: 1 });
  assert.deepEqual(rowOf(row, "list"), {});
  assert.equal(textOf(row, "absent"), "");
});
