import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { AGENT_VERSION } from "./version.ts";

test("the version that the agent tells is that of its package", () => {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  assert.equal(AGENT_VERSION, (JSON.parse(manifest) as { version: string }).version);
});
