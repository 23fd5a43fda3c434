import assert from "node:assert/strict";
import { test } from "node:test";
import { formatCode, formatTable, formatText } from "./markdown.ts";

test("a table keeps its columns whatever its cells hold", () => {
  assert.equal(
    formatTable(["a", "b"], [["x | y", "one\n  two"]]),
    "| a | b |\n|---|---|\n| x \\| y | one two |\n",
  );
});

test("text stays text: no tag is opened and no word set apart", () => {
  assert.equal(
    formatText("spiffe://<ns>/__proto__ *[`x\\"),
    "spiffe://\\<ns>/\\_\\_proto\\_\\_ \\*\\[\\`x\\\\",
  );
});

test("code shows texts bare and everything else as JSON", () => {
  assert.deepEqual(
    [formatCode("info"), formatCode(30), formatCode({})],
    ["`info`", "`30`", "`{}`"],
  );
});
