import assert from "node:assert/strict";
import { test } from "node:test";
import { createHouse } from "./house.ts";
import { RULES } from "./rules.ts";
import { changedHouse, workspace } from "./sound-house.ts";

/** A change to the sound house, and the one finding it must give. */
interface Breach {
  readonly rule: string;
  readonly change: Readonly<Record<string, string | undefined>>;
  readonly finding: string;
}

const LEVEL = "packages/protocol/src/level.ts";
const DIAL = "packages/link/src/dial.ts";
const CLI = "apps/cli/src/main.ts";
const MACHINE_FOLDER = ["", "home", "someone", "tautline"].join("/");
const LOOK_AWAY = ["// @ts", "ignore"].join("-");

const DECLARED = "a package is imported only where its package.json declares it";
const FRONT_DOORS = "a workspace is entered only by what its package.json exports";
const LAYERS = "imports point down only, and apps do not import each other";
const NO_TESTS = "what runs in production imports nothing that is for tests";
const READABLE = "every import can be read";
const CYCLES = "no file imports itself by way of others";
const NODE = "a library uses only the parts of Node that are its work";
const TIME = "time and randomness come into the libraries as arguments";
const NAMES = "names say what is inside";
const SIZES = "files stay small";
const INDEX = "an index only re-exports";
const DOCUMENTED = "every export is documented";
const EXACT = "every version is exact and the same everywhere";
const MANIFEST = "every workspace has the same plain manifest";
const DECIDED = "every runtime dependency was decided";
const WORDS = "no file names a registry's host or a machine's own path";
const PAGES = "every page ends plainly";
const PREPARES = "no test file prepares the tests of others";
const NAMED = "every path that a page names is there";

const BREACHES: readonly Breach[] = [
  {
    rule: "every file parses",
    change: { [LEVEL]: "const = ;\n" },
    finding: `${LEVEL}:1: Variable declaration expected.`,
  },
  {
    rule: DECLARED,
    change: { [LEVEL]: `import "zod";\n` },
    finding: `${LEVEL}:1: imports 'zod', which its package.json does not declare`,
  },
  {
    rule: DECLARED,
    change: { [LEVEL]: `\nimport type { z } from "zod/v4";\n` },
    finding: `${LEVEL}:2: imports 'zod', which its package.json does not declare`,
  },
  {
    rule: DECLARED,
    change: { [LEVEL]: `export * from "@other/thing/inner";\n` },
    finding: `${LEVEL}:1: imports '@other/thing', which its package.json does not declare`,
  },
  {
    rule: DECLARED,
    change: { [LEVEL]: `type T = import("zod").T;\n` },
    finding: `${LEVEL}:1: imports 'zod', which its package.json does not declare`,
  },
  {
    rule: DECLARED,
    change: { [LEVEL]: `await import("zod");\n` },
    finding: `${LEVEL}:1: imports 'zod', which its package.json does not declare`,
  },
  {
    rule: DECLARED,
    change: { [LEVEL]: `import "fs";\n` },
    finding: `${LEVEL}:1: imports 'fs', which its package.json does not declare`,
  },
  {
    rule: DECLARED,
    change: { [LEVEL]: `import "fast-check";\n` },
    finding: `${LEVEL}:1: imports 'fast-check', which its package.json does not declare`,
  },
  {
    rule: DECLARED,
    change: { [LEVEL]: `import "@tautline/testing";\n` },
    finding: `${LEVEL}:1: imports '@tautline/testing', which its package.json does not declare`,
  },
  {
    rule: DECLARED,
    change: { "packages/link/src/dial.test.ts": `import "zod";\n` },
    finding: `packages/link/src/dial.test.ts:1: imports 'zod', which its package.json does not declare`,
  },
  {
    rule: DECLARED,
    change: { "test/integration/joins.test.ts": `import "left-pad";\n` },
    finding: `test/integration/joins.test.ts:1: imports 'left-pad', which its package.json does not declare`,
  },
  {
    rule: "every declared dependency is used",
    change: { "packages/protocol/package.json": workspace("protocol", { zod: "4.0.0" }) },
    finding: `packages/protocol/package.json: declares 'zod', which its sources never import`,
  },
  {
    rule: FRONT_DOORS,
    change: { [DIAL]: `import "@tautline/protocol/src/level.ts";\n` },
    finding: `${DIAL}:1: imports '@tautline/protocol/src/level.ts', which packages/protocol does not export`,
  },
  {
    rule: FRONT_DOORS,
    change: { [CLI]: `import("@tautline/central");\n` },
    finding: `${CLI}:1: imports '@tautline/central', which apps/central does not export`,
  },
  {
    rule: FRONT_DOORS,
    change: { [DIAL]: `import "../../protocol/src/level.ts";\n` },
    finding: `${DIAL}:1: reaches into packages/protocol by a path`,
  },
  {
    rule: FRONT_DOORS,
    change: { "test/integration/joins.test.ts": `import "../../packages/link/src/dial.ts";\n` },
    finding: `test/integration/joins.test.ts:1: reaches into packages/link by a path`,
  },
  {
    rule: FRONT_DOORS,
    change: { [DIAL]: `import "../../../scripts/x.ts";\n` },
    finding: `${DIAL}:1: reaches into the root by a path`,
  },
  {
    rule: LAYERS,
    change: { [LEVEL]: `import "@tautline/link";\n` },
    finding: `${LEVEL}:1: protocol may not import link`,
  },
  {
    rule: LAYERS,
    change: { [DIAL]: `import type { A } from "@tautline/testing";\n` },
    finding: `${DIAL}:1: link may not import testing`,
  },
  {
    rule: LAYERS,
    change: { "apps/central/src/main.ts": `import("@tautline/cli/main");\n` },
    finding: `apps/central/src/main.ts:1: central may not import cli`,
  },
  {
    rule: LAYERS,
    change: { [CLI]: `import "@tautline/central/main";\n` },
    finding: `${CLI}:1: imports central otherwise than by import("…/main")`,
  },
  {
    rule: LAYERS,
    change: { [CLI]: `type T = typeof import("@tautline/central/main");\n` },
    finding: `${CLI}:1: imports central otherwise than by import("…/main")`,
  },
  {
    rule: LAYERS,
    change: { "packages/extra/package.json": workspace("extra") },
    finding: "packages/extra: is not in the table of layers",
  },
  {
    rule: NO_TESTS,
    change: { [DIAL]: `import "./dial.test.ts";\n` },
    finding: `${DIAL}:1: imports './dial.test.ts', which is for tests`,
  },
  {
    rule: NO_TESTS,
    change: { [DIAL]: `import type { Fake } from "../test/fake.ts";\n` },
    finding: `${DIAL}:1: imports '../test/fake.ts', which is for tests`,
  },
  {
    rule: READABLE,
    change: { [LEVEL]: `const name = "zod";\nawait import(name);\n` },
    finding: `${LEVEL}:2: loads a module by 'import' that no rule can read`,
  },
  {
    rule: READABLE,
    change: { [LEVEL]: `createRequire("x");\n` },
    finding: `${LEVEL}:1: loads a module by 'createRequire' that no rule can read`,
  },
  {
    rule: CYCLES,
    change: {
      [LEVEL]: `import "./order.ts";\n`,
      "packages/protocol/src/order.ts": `import type { Level } from "./level.ts";\n`,
    },
    finding: `${LEVEL} → packages/protocol/src/order.ts → ${LEVEL}: a cycle`,
  },
  {
    rule: CYCLES,
    change: { [LEVEL]: `import "@tautline/protocol";\n` },
    finding: `packages/protocol/src/index.ts → ${LEVEL} → packages/protocol/src/index.ts: a cycle`,
  },
  {
    rule: NODE,
    change: { [LEVEL]: `import type { Server } from "node:net";\n` },
    finding: `${LEVEL}:1: imports 'node:net', which is not this layer's work`,
  },
  {
    rule: NODE,
    change: { [DIAL]: `import "node:fs/promises";\n` },
    finding: `${DIAL}:1: imports 'node:fs/promises', which is not this layer's work`,
  },
  {
    rule: TIME,
    change: { [DIAL]: `\nexport const now = Date.now();\n` },
    finding: `${DIAL}:2: 'Date.now' must come in as an argument`,
  },
  {
    rule: TIME,
    change: { [DIAL]: `const at = new Date();\n` },
    finding: `${DIAL}:1: 'new Date()' must come in as an argument`,
  },
  {
    rule: TIME,
    change: { [DIAL]: `const jitter = Math.random();\n` },
    finding: `${DIAL}:1: 'Math.random' must come in as an argument`,
  },
  {
    rule: NAMES,
    change: { "packages/link/src/string-utils.ts": "\n" },
    finding: "packages/link/src/string-utils.ts: 'utils' says nothing about what is inside",
  },
  {
    rule: NAMES,
    change: { "apps/central/src/helpers/x.ts": "\n" },
    finding: "apps/central/src/helpers/x.ts: 'helpers' says nothing about what is inside",
  },
  {
    rule: NAMES,
    change: { "packages/link/src/dialTls.ts": "\n" },
    finding: "packages/link/src/dialTls.ts: is not kebab-case",
  },
  {
    rule: SIZES,
    change: { [LEVEL]: "// free\n\n".repeat(400) + "void 0;\n".repeat(301) },
    finding: `${LEVEL}: has 301 lines of code; the limit is 300`,
  },
  {
    rule: SIZES,
    change: { "packages/link/src/dial.test.ts": "void 0;\n".repeat(501) },
    finding: "packages/link/src/dial.test.ts: has 501 lines of code; the limit is 500",
  },
  {
    rule: INDEX,
    change: { "packages/link/src/index.ts": `export * from "./dial.ts";\nexport const x = 1;\n` },
    finding:
      "packages/link/src/index.ts:2: an index only re-exports files beside it: export const x = 1;",
  },
  {
    rule: INDEX,
    change: { "packages/link/src/index.ts": `export * from "@tautline/protocol";\n` },
    finding:
      "packages/link/src/index.ts:1: an index only re-exports files beside it: @tautline/protocol",
  },
  {
    rule: INDEX,
    change: { "packages/link/src/tls/index.ts": `export * from "./x.ts";\n` },
    finding: "packages/link/src/tls/index.ts: only a package has an index, and only one",
  },
  {
    rule: DOCUMENTED,
    change: { [LEVEL]: `// no documentation comment\nexport interface Level {}\n` },
    finding: `${LEVEL}:2: export 'Level' has no documentation comment`,
  },
  {
    rule: DOCUMENTED,
    change: { [LEVEL]: `export const a = 1;\n` },
    finding: `${LEVEL}:1: export 'a' has no documentation comment`,
  },
  {
    rule: "no check is switched off",
    change: { [LEVEL]: `${LOOK_AWAY}\n` },
    finding: `${LEVEL}:1: switches a check off: ${LOOK_AWAY.slice(3)}`,
  },
  {
    rule: EXACT,
    change: { "packages/protocol/package.json": workspace("protocol", { zod: "^4.0.0" }) },
    finding: "packages/protocol/package.json: 'zod' is at '^4.0.0', which is no exact version",
  },
  {
    rule: EXACT,
    change: { "packages/protocol/package.json": workspace("protocol", { ws: "8.0.1" }) },
    finding: "packages/link/package.json: 'ws' is at 8.0.0, elsewhere at 8.0.1",
  },
  {
    rule: MANIFEST,
    change: { "packages/protocol/package.json": workspace("protocol", {}, { private: false }) },
    finding: `packages/protocol/package.json: 'private' should be true`,
  },
  {
    rule: MANIFEST,
    change: { "packages/protocol/package.json": workspace("protocol", {}, { version: "1.2.4" }) },
    finding: `packages/protocol/package.json: 'version' should be "1.2.3"`,
  },
  {
    rule: MANIFEST,
    change: {
      "apps/cli/package.json": workspace("cli", {}, { exports: { ".": "./src/index.ts" } }),
    },
    finding: `apps/cli/package.json: 'exports' should be {"./main":"./src/main.ts"}`,
  },
  {
    rule: DECIDED,
    change: {
      "docs/decisions/0001-things.md": "`zod` and `some-runtime`, but ws only in passing.\n",
    },
    finding: "packages/link/package.json: no page of docs/decisions names 'ws'",
  },
  {
    rule: DECIDED,
    change: { "docs/decisions/0001-things.md": "`ws`\n" },
    finding: "package.json: no page of docs/decisions names 'some-runtime'",
  },
  {
    rule: "the lock file has every platform's packages",
    change: {
      "package-lock.json": `{"packages": {"node_modules/tool": {"optionalDependencies": {"tool-win32": "1.0.0"}}}}\n`,
    },
    finding: "package-lock.json: has no entry for 'tool-win32', an option of 'node_modules/tool'",
  },
  {
    rule: "the lock file holds no download address",
    change: {
      "package-lock.json": `{"packages": {}, "x": {\n"resolved": "https://example.org/ws.tgz"}}\n`,
    },
    finding: "package-lock.json:2: holds a download address",
  },
  {
    rule: WORDS,
    change: { "docs/guide.md": `See\n${MACHINE_FOLDER}\n` },
    finding: `docs/guide.md:2: names '${MACHINE_FOLDER.slice(0, 13)}'`,
  },
  {
    rule: WORDS,
    change: { ".npmrc": `registry=https://${["registry", "npmjs", "org"].join(".")}/\n` },
    finding: `.npmrc:1: names '${["registry", "npmjs"].join(".")}'`,
  },
  {
    rule: PAGES,
    change: { "docs/guide.md": "One\nTwo \n" },
    finding: "docs/guide.md:2: ends in a blank",
  },
  {
    rule: PAGES,
    change: { "docs/guide.md": "One\n\n" },
    finding: "docs/guide.md: does not end in one newline",
  },
  {
    rule: PREPARES,
    change: {
      "packages/link/src/dial.test.ts": `describe("a", () => {\n  afterEach(() => {});\n});\nbeforeEach(() => {});\n`,
    },
    finding: "packages/link/src/dial.test.ts:4: 'beforeEach' outside of a describe",
  },
  {
    rule: NAMED,
    change: { "README.md": "See `packages/link/src/dial.ts`\nand packages/link/src/gone.ts.\n" },
    finding: "README.md:2: names 'packages/link/src/gone.ts', which is not there",
  },
  {
    rule: NAMED,
    change: {
      "README.md": "`test/integration`, docs/decisions/0001-*.md, apps/<app>/, docs/none/\n",
    },
    finding: "README.md:1: names 'docs/none', which is not there",
  },
];

test("in a sound house no rule finds anything", () => {
  const house = createHouse(changedHouse({}));
  for (const [sentence, rule] of RULES) assert.deepEqual(rule(house), [], sentence);
});

test("every rule has a house that breaks it", () => {
  const broken = new Set(BREACHES.map(({ rule }) => rule));
  assert.deepEqual(
    [...RULES.keys()].filter((sentence) => !broken.has(sentence)),
    [],
  );
});

for (const { rule: sentence, change, finding } of BREACHES) {
  test(`'${sentence}' fails on: ${finding.slice(0, 90)}`, () => {
    const rule = RULES.get(sentence);
    assert.ok(rule !== undefined);
    assert.deepEqual(rule(createHouse(changedHouse(change))), [finding]);
  });
}
