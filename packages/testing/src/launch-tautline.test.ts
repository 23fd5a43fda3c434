import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { launchTautline } from "./launch-tautline.ts";
import { withTempFolder } from "./temp-folder.ts";

test("launchTautline starts this repository's command", async () => {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
  );
  const { version } = manifest as { version: string };
  await using command = launchTautline(["--version"]);
  assert.deepEqual(await command.exited, { code: 0, signal: null }, command.stderr);
  assert.ok(command.stdout.includes(version), command.stdout);
});

test("where the environment names a bundled program, that is started, and does not learn of it", async () => {
  await withTempFolder(async (folder) => {
    const program = join(folder, "main.mjs");
    writeFileSync(program, "console.log(process.argv[2], process.env.TAUTLINE_PROGRAM);");
    process.env["TAUTLINE_PROGRAM"] = program;
    try {
      await using command = launchTautline(["verb"]);
      await command.exited;
      assert.equal(command.stdout, "verb undefined\n");
    } finally {
      delete process.env["TAUTLINE_PROGRAM"];
    }
  });
});
