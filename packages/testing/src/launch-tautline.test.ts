import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { launchTautline } from "./launch-tautline.ts";

test("launchTautline starts this repository's command", async () => {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
  );
  const { version } = manifest as { version: string };
  await using command = launchTautline(["--version"]);
  assert.deepEqual(await command.exited, { code: 0, signal: null }, command.stderr);
  assert.ok(command.stdout.includes(version), command.stdout);
});
