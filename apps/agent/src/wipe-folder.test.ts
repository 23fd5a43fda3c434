import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { agentConfigExample } from "./config.ts";
import { dataFolder } from "./data-folder.ts";
import { wipeFolder } from "./wipe-folder.ts";

const OWN = [
  "settings.json",
  "vault.json",
  "vault.key",
  "audit.jsonl",
  "audit.jsonl.damaged-1760000000000",
  ".settings.json.0123456789abcdef.tmp",
  "agent.sock",
  "agent.lock",
];

test("everything that an agent keeps is removed, and the folder with it", () =>
  withTempFolder(async (parent) => {
    const path = join(parent, "agent");
    mkdirSync(path);
    for (const name of OWN) writeFileSync(join(path, name), "x");
    writeFileSync(join(path, "agent.yaml"), agentConfigExample());
    mkdirSync(join(path, "edge"));
    for (const name of ["calls-0000000000000001.kept", "state.json"])
      writeFileSync(join(path, "edge", name), "x");
    wipeFolder(dataFolder(path), "edge");
    assert.equal(existsSync(path), false);
  }));

test("what is not the agent's stays: settings that somebody wrote, and files of others", () =>
  withTempFolder(async (path) => {
    for (const name of [...OWN, "notes.txt", "audit.jsonl.bak"])
      writeFileSync(join(path, name), "x");
    writeFileSync(join(path, "agent.yaml"), "name: web-1\n");
    wipeFolder(dataFolder(path), "edge");
    assert.deepEqual(readdirSync(path).toSorted(), ["agent.yaml", "audit.jsonl.bak", "notes.txt"]);
  }));

test("F3: a wipe that a crash cut off is finished by another", () =>
  withTempFolder(async (parent) => {
    const path = join(parent, "agent");
    mkdirSync(path);
    writeFileSync(join(path, "vault.key"), "x");
    wipeFolder(dataFolder(path), "edge");
    assert.equal(existsSync(path), false);
  }));

test("a file that does not go is named", () =>
  withTempFolder(async (path) => {
    mkdirSync(join(path, "audit.jsonl"));
    assert.throws(
      () => wipeFolder(dataFolder(path), "edge"),
      (error) =>
        isTautlineError(error) &&
        error.code === "agent.wipe_failed" &&
        error.message.includes("audit.jsonl"),
    );
  }));
