import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { runLine } from "../test-world.ts";

test("each example is accepted by the check of its own app, as it is and uncommented", () =>
  withTempFolder(async (cwd) => {
    for (const app of ["central", "agent"]) {
      const { stdout } = await runLine(`config example ${app}`, cwd);
      writeFileSync(join(cwd, `${app}.yaml`), stdout);
      const { code, stdout: verdict } = await runLine(`config check ${app}.yaml`, cwd);
      assert.deepEqual([code, verdict], [0, `${app}.yaml is right for ${app}.\n`]);
    }
  }));

test("SWP-1: an unknown key is refused with file, line and key", () =>
  withTempFolder(async (cwd) => {
    writeFileSync(join(cwd, "central.yaml"), "agents:\n  prot: 9150\n");
    const { code, stderr } = await runLine("config check central.yaml", cwd);
    assert.equal(code, 1);
    assert.match(stderr, /config\.invalid: .*central\.yaml: line 2: agents\.prot: unknown key/);
  }));

test("a file whose name does not say whose it is needs --app", () =>
  withTempFolder(async (cwd) => {
    for (const name of ["settings.yaml", "central-and-agent.yaml"]) {
      writeFileSync(join(cwd, name), "");
      const unsure = await runLine(`config check ${name}`, cwd);
      assert.equal(unsure.code, 2);
      assert.match(unsure.stderr, /--app central or --app agent/);
      assert.equal((await runLine(`config check ${name} --app agent`, cwd)).code, 0);
    }
  }));
