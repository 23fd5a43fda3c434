import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { ignoreRule, readTexts } from "./read-texts.ts";

test("every file is read but what .gitignore names, git's own folder, and binary files", async () => {
  await withTempFolder((root) => {
    const files = {
      ".gitignore": "node_modules/\n/data/\n*.log\n",
      ".hidden": "hidden",
      ".git/config": "git",
      "node_modules/x.ts": "ignored",
      "packages/a/node_modules/x.ts": "ignored",
      "data/central.db": "ignored",
      "docs/data/x.md": "kept",
      "deep/down/run.log": "ignored",
      "picture.png": "\u0089PNG\0",
    };
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    assert.deepEqual([...readTexts(root).keys()].sort(), [
      ".gitignore",
      ".hidden",
      "docs/data/x.md",
    ]);
  });
});

test("a pattern that this reading of .gitignore does not understand is an error, not a silent miss", () => {
  for (const pattern of ["!kept", "a/**/b", "x?", "# comment", "data*"]) {
    assert.throws(() => ignoreRule(pattern)("x"), /not understood/, pattern);
  }
});
