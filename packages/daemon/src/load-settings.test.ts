import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { z } from "zod";
import { loadSettings, logFindings } from "./load-settings.ts";
import { createLog } from "./log.ts";

const key = z.strictObject({ name: z.string(), namespace: z.string(), file: z.string() });
const schema = z.strictObject({
  central: z
    .strictObject({
      addresses: z.array(z.string()).default([]),
      level: z.enum(["plaintext", "basic"]).optional(),
      key: key.optional(),
    })
    .prefault({}),
});

const load = (file: string | undefined, variables: Readonly<Record<string, string>> = {}) =>
  loadSettings("agent", file, schema, (name) => variables[name]);

describe("loadSettings", () => {
  it("reads YAML and defaults as ever: no findings, no keys", () =>
    withTempFolder((folder) => {
      const file = join(folder, "agent.yaml");
      writeFileSync(file, "central: { level: basic }\n");
      assert.equal(load(file).config.central.level, "basic");
      assert.deepEqual(load(undefined), {
        config: { central: { addresses: [] } },
        keyTexts: new Map(),
        findings: [],
      });
    }));

  it("takes an old file through the same strict schema, frozen, with its key and findings", () =>
    withTempFolder((folder) => {
      const file = join(folder, "agent.properties");
      writeFileSync(file, "takipi.encrypt =true\ntakipi.collector.host=c\n", { mode: 0o600 });
      const { config, keyTexts, findings } = load(file, { TAKIPI_ENCRYPT_KEY: '"weak"' });
      assert.deepEqual(config.central.addresses, ["c:9150"]);
      assert.ok(Object.isFrozen(config.central.key));
      assert.deepEqual([...keyTexts], [["legacy", "weak"]]);
      assert.equal(findings.length, 1);
    }));

  it("SWP-1: what the schema does not accept is refused with its key", () =>
    withTempFolder((folder) => {
      const file = join(folder, "agent.properties");
      writeFileSync(file, "encrypt.fast=true\nencrypt.key=k\n", { mode: 0o600 });
      assert.throws(() => load(file), { code: "config.invalid", message: /central\.level/ });
    }));
});

describe("logFindings", () => {
  it("writes one line each, with file, line and remedy", () => {
    const lines: string[] = [];
    const log = createLog("agent", "info", { write: (line) => void lines.push(line) });
    const finding = { file: "f", line: 3, why: "w", remedy: "r" } as const;
    logFindings(log, [
      { ...finding, severity: "warning", what: "one" },
      { ...finding, severity: "info", what: "two" },
    ]);
    assert.deepEqual(
      lines.map((line) => {
        const { level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
        return [level, msg, rest["file"], rest["line"], rest["remedy"]];
      }),
      [
        ["warn", "one", "f", 3, "r"],
        ["info", "two", "f", 3, "r"],
      ],
    );
  });
});
