import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
/** Tells every module that is loaded, on stderr. */
const TELL = `data:text/javascript,${encodeURIComponent(
  `import { registerHooks } from "node:module";
   registerHooks({ resolve(name, parent, next) {
     const found = next(name, parent); process._rawDebug("loaded " + found.url); return found; } });`,
)}`;
const HEAVY = /fastify|kysely|zod|pino|asn1|\/ws\/|@clack|apps\/central\/|apps\/agent\//;

function loadedBy(...words: readonly string[]): readonly string[] {
  const { stderr, status } = spawnSync(process.execPath, ["--import", TELL, MAIN, ...words], {
    encoding: "utf8",
  });
  assert.notEqual(status, null);
  return stderr.split("\n").filter((line) => line.startsWith("loaded "));
}

test("a plain verb loads neither the servers nor their libraries", () => {
  const rows: readonly (readonly string[])[] = [
    ["id", "parse", "spiffe://fleet.test/central"],
    ["agents", "list", "--data", "/nonexistent"],
    ["--help"],
  ];
  for (const words of rows) {
    const loaded = loadedBy(...words);
    assert.ok(loaded.length > 10, "the hook tells what is loaded");
    assert.deepEqual(
      loaded.filter((line) => HEAVY.test(line)),
      [],
      words.join(" "),
    );
  }
});

test("a verb loads its own noun and no other", () => {
  const loaded = loadedBy("id", "parse", "spiffe://fleet.test/central");
  assert.ok(loaded.some((line) => line.endsWith("/id/parse.ts")));
  assert.deepEqual(
    loaded.filter((line) => /\/(tokens|doctor|quickstart|agents)\//.test(line)),
    [],
  );
});
