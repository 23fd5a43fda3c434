import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { examineOldFile, oldFilesIn } from "./examine-old-settings.ts";

test("what weakens an old pair is found in its files, with file and line", () =>
  withTempFolder(async (folder) => {
    const file = join(folder, "collector.properties");
    writeFileSync(file, 'takipi.encrypt=true\ntakipi.encrypt.key="12345"\n', { mode: 0o600 });
    assert.deepEqual(oldFilesIn("central", folder), [file]);
    assert.deepEqual(oldFilesIn("agent", folder), []);
    const { checkCentralConfig } = await import("@tautline/central/main");
    const [finding, ...others] = examineOldFile(file, checkCentralConfig);
    assert.deepEqual(others, []);
    assert.equal(finding?.severity, "warning");
    assert.equal(finding?.where, `${file}, line 2`);
  }));

test("an old file that would be refused is an error", () =>
  withTempFolder(async (folder) => {
    const file = join(folder, "agent.properties");
    writeFileSync(file, "takipi.encrypt=maybe\n");
    const { checkAgentConfig } = await import("@tautline/agent/main");
    const [finding] = examineOldFile(file, checkAgentConfig);
    assert.equal(finding?.severity, "error");
    assert.match(finding?.what ?? "", /line 1|agent\.properties:1/);
  }));
