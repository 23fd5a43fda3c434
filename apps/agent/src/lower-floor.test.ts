import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError, type ErrorCode } from "@tautline/protocol";
import { startStandInCentral, withTempFolder } from "@tautline/testing";
import { makeTestAgent } from "../test/running-agent.ts";
import { dataFolder, type DataFolder } from "./data-folder.ts";
import { loadAgentConfig } from "./config.ts";
import { readLegacy, writeLegacy } from "./legacy/legacy-file.ts";
import { lowerFloor, type LoweredFloor } from "./lower-floor.ts";
import { takeFolderLock } from "./folder-lock.ts";
import { readOpenSettings } from "./settings/settings-file.ts";
import type { Level } from "@tautline/protocol";

const id = "0190a000-0000-7000-8000-000000000001";

const fails = (code: ErrorCode) => (error: unknown) =>
  isTautlineError(error) && error.code === code;

function lower(folder: DataFolder, level: Level): Promise<LoweredFloor> {
  const config = loadAgentConfig(undefined);
  return lowerFloor(level, { folder, config, readVariable: () => undefined, now: Date.now });
}

test("A24: what a joined agent has proven is its floor until this host allows less, and both are in its trail", async () => {
  await withTempFolder(async (root) => {
    const central = await startStandInCentral();
    const path = join(root, "agent");
    const agent = makeTestAgent(path);
    const { folder } = agent;
    await agent.join(central.makeToken());
    const open = readOpenSettings(folder.settings);
    assert.equal(open?.state === "committed" && open.provenLevel, "mtls");
    const lowered = makeTestAgent(path, { yaml: "central: { level: tls }\nfloor: basic" });
    await assert.rejects(lowered.start().ended, fails("agent.level_lowered"));
    const links = central.received.at(-1)?.link;
    assert.deepEqual(await lower(folder, "mtls"), { was: "mtls", is: "mtls" });
    assert.deepEqual(await lower(folder, "tls"), { was: "mtls", is: "tls" });
    assert.deepEqual(await lower(folder, "mtls"), { was: "tls", is: "tls" }, "it lowers only");
    const trail = readFileSync(folder.audit, "utf8");
    assert.match(trail, /level\.proven[^\n]*mtls/);
    assert.match(trail, /level\.allowed[^\n]*tls/);
    const running = lowered.start();
    const { evidence } = await central.waitFor(({ link }) => link > (links ?? 0));
    assert.equal(evidence.level, "tls");
    await running.stop();
    await central.close();
  });
});

test("a level below the floor refuses to start, and to use a token, naming both settings", async () => {
  await withTempFolder(async (root) => {
    const central = await startStandInCentral();
    const agent = makeTestAgent(join(root, "agent"), { yaml: "central: { level: advanced }" });
    await assert.rejects(agent.join(central.makeToken()), fails("agent.level_below_floor"));
    assert.deepEqual(central.received, []);
    const joined = makeTestAgent(join(root, "agent"));
    await joined.join(central.makeToken());
    await assert.rejects(agent.start().ended, fails("agent.level_below_floor"));
    await central.close();
  });
});

test("an agent without an identity is let down the same way", async () => {
  await withTempFolder(async (root) => {
    const folder = dataFolder(root);
    writeLegacy(folder.legacy, { id, provenLevel: "advanced" });
    assert.deepEqual(await lower(folder, "plaintext"), { was: "advanced", is: "plaintext" });
    assert.deepEqual(readLegacy(folder.legacy), { id, provenLevel: "plaintext" });
    assert.deepEqual(await lower(folder, "basic"), { was: "plaintext", is: "plaintext" });
    writeLegacy(folder.legacy, { id });
    assert.deepEqual(await lower(folder, "basic"), { was: null, is: null });
  });
});

test("where no agent is there is nothing to lower, and not while one runs", async () => {
  await withTempFolder(async (root) => {
    const folder = dataFolder(root);
    await assert.rejects(lower(folder, "basic"), fails("agent.not_joined"));
    writeLegacy(folder.legacy, { id, provenLevel: "advanced" });
    const lock = takeFolderLock(folder.lock, folder.path);
    await assert.rejects(lower(folder, "basic"), fails("agent.already_running"));
    lock.release();
    assert.equal(readLegacy(folder.legacy)?.provenLevel, "advanced");
  });
});
