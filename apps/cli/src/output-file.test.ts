import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { writeOutput } from "./output-file.ts";

test("a file is written anew, and nothing is left beside it", () =>
  withTempFolder(async (cwd) => {
    writeFileSync(join(cwd, "list.crl"), "the one before");
    await writeOutput("list.crl", Buffer.of(1, 2, 3), { cwd });
    assert.deepEqual(readFileSync(join(cwd, "list.crl")), Buffer.of(1, 2, 3));
    assert.deepEqual(readdirSync(cwd), ["list.crl"]);
  }));

test("what cannot be written says why and leaves nothing behind", () =>
  withTempFolder(async (cwd) => {
    mkdirSync(join(cwd, "a-folder"));
    for (const [file, reason] of [
      ["absent/list.crl", /absent\/list\.crl cannot be written: no such file or directory/],
      ["a-folder", /a-folder cannot be written: illegal operation on a directory/],
    ] as const) {
      await assert.rejects(writeOutput(file, "text", { cwd }), {
        code: "cli.file_unwritable",
        message: reason,
      });
    }
    assert.deepEqual(readdirSync(cwd), ["a-folder"]);
  }));
