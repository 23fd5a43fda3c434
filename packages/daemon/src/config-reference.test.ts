import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { parseConfig } from "./config-file.ts";
import { configExample, configKeys, configReference } from "./config-reference.ts";
import { durationSetting, portSetting } from "./config-values.ts";

const schema = z.strictObject({
  name: z.string().default("a: b # c").describe("A name with signs of YAML in it."),
  listen: z
    .strictObject({
      port: portSetting(9150).describe("A port."),
      wait: durationSetting("10s", "1s", "60s").describe("A wait."),
      deep: z.strictObject({ on: z.boolean().default(true).describe("A switch.") }).prefault({}),
    })
    .prefault({}),
  hosts: z.array(z.string()).default(["x"]).describe("Hosts."),
  level: z.enum(["low", "high"]).default("low").describe("A level."),
  file: z.string().optional().describe("A file."),
});

const named = z.strictObject({
  doors: z
    .record(
      z.string(),
      z.strictObject({
        at: z.string().describe("A place."),
        wide: z.boolean().default(false).describe("A width."),
      }),
    )
    .default({}),
});

describe("configKeys", () => {
  it("lists every key in order with kind, default and meaning", () => {
    assert.deepEqual(
      configKeys(schema).map(({ path, kind, fallback }) => [path, kind, fallback]),
      [
        ["name", "string", '"a: b # c"'],
        ["listen.port", "integer 0..65535", "9150"],
        ["listen.wait", "duration 1s..60s", '"10s"'],
        ["listen.deep.on", "boolean", "true"],
        ["hosts", "list of string", '["x"]'],
        ["level", "`low`, `high`", '"low"'],
        ["file", "string", ""],
      ],
    );
    assert.ok(configKeys(schema).every(({ meaning }) => /^A.*\.$|^Hosts\.$/.test(meaning)));
  });

  it("writes NAME for a key that the operator names", () => {
    assert.deepEqual(
      configKeys(named).map(({ path, fallback }) => [path, fallback]),
      [
        ["doors.NAME.at", ""],
        ["doors.NAME.wide", "false"],
      ],
    );
  });

  it("refuses a key that nobody described", () => {
    const mute = z.strictObject({
      group: z.strictObject({ key: z.string().default("") }).prefault({}),
    });
    assert.throws(() => configKeys(mute), /the setting group\.key has no description/);
  });
});

describe("configReference", () => {
  it("prints a table with one row a key", () => {
    const lines = configReference("Settings", schema).split("\n");
    assert.deepEqual(lines.slice(0, 5), [
      "# Settings",
      "",
      "| key | kind | default | meaning |",
      "|---|---|---|---|",
      '| `name` | string | `"a: b # c"` | A name with signs of YAML in it. |',
    ]);
    assert.ok(lines.includes("| `file` | string |  | A file. |"));
    assert.equal(lines.filter((line) => line.startsWith("| `")).length, configKeys(schema).length);
    assert.equal(lines.at(-1), "");
  });
});

describe("configExample", () => {
  const example = configExample(schema);

  it("is a file of defaults as it is", () => {
    const settings = parseConfig("central", "example", example, schema);
    assert.deepEqual(settings, parseConfig("central", "empty", "", schema));
  });

  it("is a file of the same defaults with every comment sign taken away", () => {
    const uncommented = example.replaceAll(/^( *)# /gm, "$1");
    const keys = uncommented.split("\n").filter((line) => !/^\s*#|^\s*$/.test(line));
    const settings = parseConfig("central", "example", uncommented, schema);
    assert.deepEqual(settings, parseConfig("central", "empty", "", schema));
    // Every key with a default and every group is now really set.
    assert.equal(keys.length, configKeys(schema).filter((key) => key.fallback !== "").length + 2);
  });

  it("keeps what stands under names of the operator's own behind two signs, however many are taken away", () => {
    const text = configExample(named);
    assert.deepEqual(text.trim().split("\n"), [
      "## doors:",
      "",
      "  ## NAME:",
      "    ## A place.",
      "    ## at: (not set)",
      "    ## A width.",
      "    ## wide: false",
    ]);
    const uncommented = text.replaceAll(/^( *)# /gm, "$1");
    assert.deepEqual(parseConfig("central", "example", uncommented, named), { doors: {} });
  });

  it("names every key, also one without a default", () => {
    for (const { path, meaning } of configKeys(schema)) {
      assert.match(example, new RegExp(`^ *##? ${path.split(".").at(-1)}: `, "m"));
      assert.ok(example.includes(`## ${meaning}`));
    }
  });
});
