import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readTexts } from "../../test/architecture/read-texts.ts";
import { chooseStages, STAGES, testFiles } from "./stages.ts";

const root = join(import.meta.dirname, "..", "..");

function namesOf(...args: string[]): string[] {
  const choice = chooseStages(args);
  return "stages" in choice ? choice.stages.map(({ name }) => name) : choice.unknown;
}

test("without a name every stage runs, in its order", () => {
  assert.deepEqual(
    namesOf(),
    STAGES.map(({ name }) => name),
  );
});

test("named stages run in their own order, each once", () => {
  assert.deepEqual(namesOf("cli", "unit", "cli"), ["unit", "cli"]);
});

test("check stands for the static stages and may be joined by others", () => {
  const check = ["types", "lint", "format", "generated", "architecture"];
  assert.deepEqual(namesOf("check"), check);
  assert.deepEqual(namesOf("faults", "check", "types"), [...check, "faults"]);
});

test("a name that is no stage is reported, and nothing runs", () => {
  assert.deepEqual(chooseStages(["unit", "unti"]), { unknown: ["unti"] });
});

test("no test file is left out: each belongs to exactly one stage", () => {
  const staged = STAGES.flatMap(({ work }) => ("globs" in work ? testFiles(root, work) : []));
  const written = [...readTexts(root).keys()].filter((path) => path.endsWith(".test.ts"));
  assert.deepEqual(staged.sort(), written.sort());
});

test("npm start and npm test prepare by themselves, for .npmrc and careful users switch pre-scripts off", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  assert.match(scripts["start"] ?? "", /^sh scripts\/prepare start && exec \.\/bin\/tautline /);
  assert.equal(scripts["test"], "sh scripts/prepare test && exec sh scripts/node scripts/test.ts");
  assert.equal(scripts["check"], "sh scripts/node scripts/test.ts check");
  const hooks = Object.keys(scripts).filter((name) => /^(?:pre|post)/.test(name));
  assert.deepEqual(hooks, []);
});
