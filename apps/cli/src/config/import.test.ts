import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { runLine } from "../test-world.ts";

const KEY = "k7XQm2vR9tLz4WcB8nHs3YpD6fJa1GeU";
const PAIR = `takipi.encrypt.fast=true\ntakipi.encrypt.key="${KEY}"\n`;
const HOST = "takipi.collector.host=localhost\n";

const switchOff = (name: string): string | undefined =>
  name === "TAKIPI_ENCRYPT_FAST" ? "false" : undefined;

const document = (text: string): Record<string, unknown> =>
  JSON.parse(text) as Record<string, unknown>;

describe("config import", () => {
  test("OV-6: both files of a pair become settings that check finds right, with the same key under the same name", () =>
    withTempFolder(async (cwd) => {
      writeFileSync(join(cwd, "agent.properties"), HOST + PAIR, { mode: 0o600 });
      writeFileSync(join(cwd, "collector.properties"), PAIR, { mode: 0o600 });
      for (const [from, app, out] of [
        ["agent.properties", "agent", "a"],
        ["collector.properties", "central", "c"],
      ] as const) {
        const { code, stdout } = await runLine(`config import ${from} --out ${out} --json`, cwd);
        const files = [join(cwd, out, "legacy.key"), join(cwd, out, `${app}.yaml`)];
        assert.deepEqual([code, document(stdout)], [0, { app, files, findings: [] }]);
        for (const file of files) assert.equal(statSync(file).mode & 0o777, 0o600, file);
        assert.equal(readFileSync(files[0] ?? "", "utf8"), `${KEY}\n`);
        const text = readFileSync(files[1] ?? "", "utf8");
        assert.match(text, /name: legacy\n +namespace: default\n/);
        assert.ok(!text.includes(KEY) && !stdout.includes(KEY));
        assert.equal((await runLine(`config check ${out}/${app}.yaml`, cwd)).code, 0);
      }
    }));

  test("nothing is replaced without --force, not even when only one of the two files is there", () =>
    withTempFolder(async (cwd) => {
      writeFileSync(join(cwd, "agent.properties"), HOST + PAIR, { mode: 0o600 });
      writeFileSync(join(cwd, "agent.yaml"), "old");
      const refused = await runLine("config import agent.properties", cwd);
      assert.equal(refused.code, 1);
      assert.match(
        refused.stderr,
        /config\.would_overwrite: .*agent\.yaml is there already; nothing/,
      );
      assert.equal(readFileSync(join(cwd, "agent.yaml"), "utf8"), "old");
      assert.throws(() => statSync(join(cwd, "legacy.key")), { code: "ENOENT" });
      assert.equal((await runLine("config import agent.properties --force", cwd)).code, 0);
      assert.match(readFileSync(join(cwd, "agent.yaml"), "utf8"), /level: advanced/);
    }));

  test("OV-12: the environment stands over the file", () =>
    withTempFolder(async (cwd) => {
      writeFileSync(join(cwd, "agent.properties"), HOST + PAIR, { mode: 0o600 });
      const { code, stdout } = await runLine("config import agent.properties", cwd, {
        environment: { foreign: switchOff },
      });
      assert.equal(code, 0);
      assert.match(
        stdout,
        /info: agent\.properties, line 2: The variable TAKIPI_ENCRYPT_FAST stands/,
      );
      assert.match(readFileSync(join(cwd, "agent.yaml"), "utf8"), /level: plaintext/);
      assert.throws(() => statSync(join(cwd, "legacy.key")), { code: "ENOENT" });
    }));

  test("a folder that cannot be made is named, and where the name says nothing --for must", () =>
    withTempFolder(async (cwd) => {
      writeFileSync(join(cwd, "old.properties"), PAIR);
      const unsure = await runLine("config import old.properties", cwd);
      assert.match(unsure.stderr, /config\.old_unknown: .*\n.*--for agent or --for central/);
      const blocked = await runLine(
        "config import old.properties --for central --out old.properties/x",
        cwd,
      );
      assert.match(blocked.stderr, /cli\.file_unwritable/);
      mkdirSync(join(cwd, "out"));
      assert.equal(
        (await runLine("config import old.properties --for central --out out", cwd)).code,
        0,
      );
    }));

  test("config check reads an old file as --config would, and says what it noticed", () =>
    withTempFolder(async (cwd) => {
      writeFileSync(join(cwd, "collector.properties"), "takipi.encrypt=false\n");
      const { code, stdout } = await runLine("config check collector.properties", cwd);
      assert.equal(code, 0);
      assert.match(
        stdout,
        /^collector\.properties is right for central\.\n\nwarning: collector\.properties, line 1: /,
      );
    }));
});
