/** A house of a few lines in which every rule holds; examples of breaches are small changes to it. */
export const SOUND_HOUSE: Readonly<Record<string, string>> = {
  "package.json": manifest({
    version: "1.2.3",
    devDependencies: { "fast-check": "4.0.0" },
    optionalDependencies: { "some-runtime": "26.0.0" },
  }),
  "package-lock.json": `{"packages": {"node_modules/ws": {"version": "8.0.0", "integrity": "sha512-x"}}}\n`,
  "docs/decisions/0001-things.md": "`ws`, `some-runtime` and `zod`: why.\n",
  "packages/protocol/package.json": workspace("protocol"),
  "packages/protocol/src/index.ts": `export * from "./level.ts";\n`,
  "packages/protocol/src/level.ts": [
    `/** A level. */`,
    `export type Level = "tls";`,
    `// import "a-comment";`,
    `const text = 'import "a-string"' + \`import("a-template")\` + /import("a-pattern")/.source;`,
  ].join("\n"),
  "packages/protocol/src/level.test.ts": [
    `import { test } from "node:test";`,
    `import { property } from "fast-check";`,
    `import { createTestAuthority } from "@tautline/testing";`,
    `import { LEVELS } from "./level.ts";`,
    `test("a level", () => property(createTestAuthority, LEVELS));`,
  ].join("\n"),
  "packages/link/package.json": workspace("link", { "@tautline/protocol": "1.2.3", ws: "8.0.0" }),
  "packages/link/src/index.ts": `export * from "./dial.ts";\n`,
  "packages/link/src/dial.ts": [
    `import { connect } from "node:tls";`,
    `import WebSocket from "ws";`,
    `import type { Level } from "@tautline/protocol";`,
    `/** Dials. */`,
    `export function dial(level: Level, now: () => number): unknown {`,
    `  return [connect, new WebSocket("wss://central.example"), level, now()];`,
    `}`,
  ].join("\n"),
  "packages/testing/package.json": workspace("testing", { "@tautline/protocol": "1.2.3" }),
  "packages/testing/src/index.ts": `export * from "./test-authority.ts";\n`,
  "packages/testing/src/test-authority.ts": `import "@tautline/protocol";\nexport const createTestAuthority = Date.now;\n`,
  "apps/central/package.json": workspace("central", { "@tautline/link": "1.2.3" }),
  "apps/central/src/main.ts": [
    `import { dial } from "@tautline/link";`,
    `/** Runs central. */`,
    `export const main = () => dial("tls", Date.now);`,
  ].join("\n"),
  "apps/cli/package.json": workspace("cli", { "@tautline/central": "1.2.3" }),
  "apps/cli/src/main.ts": `/** Starts central. */\nexport const main = () => import("@tautline/central/main");\n`,
  "test/integration/joins.test.ts": `import "ws";\nimport { launchTautline } from "@tautline/testing";\nlaunchTautline();\n`,
};

/** The sound house with some files replaced, added, or (undefined) removed. */
export function changedHouse(
  changes: Readonly<Record<string, string | undefined>>,
): Map<string, string> {
  const texts = new Map(Object.entries(SOUND_HOUSE));
  for (const [path, text] of Object.entries(changes)) {
    if (text === undefined) texts.delete(path);
    else texts.set(path, text);
  }
  return texts;
}

/** A workspace's package.json as it should be. */
export function workspace(
  name: string,
  dependencies: Readonly<Record<string, string>> = {},
  changes: Readonly<Record<string, unknown>> = {},
): string {
  const isApp = ["central", "agent", "cli"].includes(name);
  return manifest({
    name: `@tautline/${name}`,
    version: "1.2.3",
    private: true,
    type: "module",
    exports: isApp ? { "./main": "./src/main.ts" } : { ".": "./src/index.ts" },
    dependencies,
    ...changes,
  });
}

function manifest(content: object): string {
  return `${JSON.stringify(content, undefined, 2)}\n`;
}
