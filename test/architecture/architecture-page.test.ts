import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LAYERS, type Layer } from "./layers.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/architecture.md"), "utf8");

/** The names in backquotes, in order. */
function namesIn(cell = ""): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
}

function readTable(markdown: string): Record<string, Layer> {
  const rows = markdown.split("\n").filter((line) => line.startsWith("| `"));
  return Object.fromEntries(
    rows.map((row) => {
      const [, name, imports = "", node = ""] = row.split("|");
      const [mayImport, starts] = imports.split("; starts ");
      const layer: Layer = {
        mayImport: namesIn(mayImport),
        node: node.trim() === "any" ? "any" : namesIn(node),
        ...(starts === undefined ? {} : { starts: namesIn(starts) }),
      };
      return [namesIn(name).join(""), layer];
    }),
  );
}

test("the table of docs/architecture.md is the one that the rules use", () => {
  assert.deepEqual(readTable(page), LAYERS);
});

test("the tree of docs/architecture.md has every workspace", () => {
  for (const name of Object.keys(LAYERS)) assert.match(page, new RegExp(`^  ${name}/`, "m"));
});
