import assert from "node:assert/strict";
import { test } from "node:test";
import { textOf } from "./row.ts";
import { renderPage, renderTable, type Column } from "./table.ts";

const plain = (_style: string, text: string): string => text;
const COLUMNS: readonly Column[] = [
  { title: "NAME", cell: (row) => textOf(row, "name") },
  { title: "USED", cell: (row) => textOf(row, "used"), align: "right" },
  { title: "STATE", cell: (row) => textOf(row, "state") },
];

test("columns are aligned by spaces alone, with nothing at the end of a line", async () => {
  const rows = [
    { name: "web-1", used: 1, state: "open" },
    { name: "a", used: 120, state: "" },
  ];
  assert.equal(
    await renderTable(COLUMNS, rows, { paint: plain, empty: "" }),
    ["NAME   USED  STATE", "web-1     1  open", "a       120  -"].join("\n"),
  );
});

test("wide characters keep the columns in line", async () => {
  const table = await renderTable(COLUMNS, [{ name: "東京", used: 1, state: "x" }], {
    paint: plain,
    empty: "",
  });
  assert.equal(table.split("\n")[1], "東京     1  x");
});

test("no rows: a sentence instead of an empty table", async () => {
  assert.equal(await renderTable(COLUMNS, [], { paint: plain, empty: "None yet." }), "None yet.");
});

test("A27: a cell cannot write escape sequences or break its line", async () => {
  const table = await renderTable(COLUMNS, [{ name: "x\u001B[31m\ny", used: 1, state: "s" }], {
    paint: plain,
    empty: "",
  });
  assert.equal(table.split("\n").length, 2);
  assert.ok(!table.includes("\u001B"));
});

test("a page aligns values, leaves undefined out and indents further lines", () => {
  assert.equal(
    renderPage(
      [
        ["id", "1"],
        ["not known", undefined],
        ["attributes", "a = 1\nb = 2"],
        ["empty", ""],
      ],
      plain,
    ),
    ["id          1", "attributes  a = 1", "            b = 2", "empty       -"].join("\n"),
  );
});
