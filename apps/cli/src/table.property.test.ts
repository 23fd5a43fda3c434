import assert from "node:assert/strict";
import { test } from "node:test";
import { ACTS_WHEN_SHOWN, HOSTILE_TEXTS } from "@tautline/testing";
import * as fc from "fast-check";
import { renderPage, renderTable } from "./table.ts";

const plain = (_style: string, text: string): string => text;

async function assertInert(text: string): Promise<void> {
  const columns = [
    { title: "NAME", cell: () => text },
    { title: "STATE", cell: () => "active" },
  ];
  const table = await renderTable(columns, [{}, {}], { paint: plain, empty: "" });
  assert.equal(table.split("\n").length, 3);
  const page = renderPage([["name", text.replaceAll("\n", " ")]], plain);
  assert.equal(page.split("\n").length, 1);
  for (const line of table.split("\n")) {
    assert.equal(ACTS_WHEN_SHOWN.test(line), false);
    assert.ok(line.length < 10_000 + "\u{1F600}".length * 4_096, String(line.length));
  }
}

test("A27: whatever a cell holds, a row stays one line, inert and bounded", async () => {
  for (const text of HOSTILE_TEXTS) await assertInert(text);
  await fc.assert(fc.asyncProperty(fc.string({ unit: "binary" }), assertInert), { numRuns: 50 });
});
