import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError, type ErrorCode } from "@tautline/protocol";
import { startStandInCentral, withTempFolder } from "@tautline/testing";
import { KEY_TEXT, startKeyedCentral } from "../../test/keyed-central.ts";
import { joinAgent, lowerAgentFloor, readAgentStatus, runAgent, type RunOptions } from "../main.ts";

const fails = (code: ErrorCode) => (error: unknown) =>
  isTautlineError(error) && error.code === code;

/** Runs until the first line is printed, then stops; gives that line and the exit code. */
async function runUntilConnected(options: RunOptions): Promise<{ line: string; code: number }> {
  const stop = new AbortController();
  const printed: string[] = [];
  const code = await runAgent(options, {
    signal: stop.signal,
    stdout: (line) => {
      printed.push(line);
      stop.abort();
    },
  });
  return { line: printed[0] ?? "", code };
}

const quiet = { stdout: () => {}, signal: new AbortController().signal };

test("`agent run` with flags prints the connected line of every agent, with the level and group that are", async () => {
  await withTempFolder(async (root) => {
    await using central = await startKeyedCentral("advanced");
    const keyFile = join(root, "legacy.key");
    writeFileSync(keyFile, KEY_TEXT, { mode: 0o600 });
    const data = join(root, "agent");
    const legacy = { central: `ws://${central.address}`, level: "advanced", keyFile } as const;
    const { line, code } = await runUntilConnected({ data, json: true, legacy });
    assert.equal(code, 0);
    const { id } = await readAgentStatus({ data });
    assert.deepEqual(JSON.parse(line), {
      event: "connected",
      id,
      level: "advanced",
      group: "X25519MLKEM768",
    });
  });
});

test("an address that is given for this time is dialled first, also without an identity", async () => {
  await withTempFolder(async (data) => {
    await using central = await startKeyedCentral("plaintext");
    const yaml =
      'central: { level: plaintext, addresses: ["127.0.0.1:1"] }\nlog: { level: error }\n';
    writeFileSync(join(data, "agent.yaml"), yaml);
    const centralAddresses = [central.address];
    const { line } = await runUntilConnected({ data, centralAddresses });
    assert.equal(line, `connected to ${central.address}: plaintext`);
  });
});

test("agent.yaml alone makes an agent without an identity, and `agent status` shows it", async () => {
  await withTempFolder(async (root) => {
    await using central = await startKeyedCentral("basic");
    const file = join(root, "site.key");
    writeFileSync(file, `${KEY_TEXT}\n`, { mode: 0o600 });
    const data = join(root, "agent");
    mkdirSync(data, { mode: 0o700 });
    const level = `level: basic, key: { file: ${JSON.stringify(file)} }`;
    const yaml = `central: { ${level}, addresses: ["${central.address}"] }\nlog: { level: error }\n`;
    writeFileSync(join(data, "agent.yaml"), yaml);
    const { line } = await runUntilConnected({ data });
    assert.equal(line, `connected to ${central.address}: basic, X25519`);
    const { state, provenLevel, running, link } = await readAgentStatus({ data });
    assert.deepEqual([state, provenLevel, running, link], ["unproven", "basic", false, null]);
    const legacy = { central: central.address, level: "plaintext" } as const;
    await assert.rejects(runAgent({ data, legacy }, quiet), fails("agent.level_lowered"));
    const said: string[] = [];
    const io = { ...quiet, stdout: (text: string) => void said.push(text) };
    assert.equal(await lowerAgentFloor({ data, level: "plaintext" }, io), 0);
    assert.equal(await lowerAgentFloor({ data, level: "basic", json: true }, io), 0);
    assert.deepEqual(said, [
      "This agent may dial at plaintext from now on; basic was proven before.",
      '{"was":"plaintext","is":"plaintext"}',
    ]);
  });
});

for (const [level, lines] of [
  ["basic", "takipi.encrypt =true\n"],
  ["advanced", "takipi.encrypt.fast=true\n"],
] as const) {
  test(`OV-6: an old agent.properties alone connects at ${level}, its key handed over in memory`, async () => {
    await withTempFolder(async (root) => {
      await using central = await startKeyedCentral(level);
      const config = join(root, "agent.properties");
      const key = `takipi.encrypt.key="${KEY_TEXT}"\n`;
      writeFileSync(config, `${lines}${key}takipi.collector.host=127.0.0.1\n`, { mode: 0o600 });
      const data = join(root, "agent");
      // The old port is not taken over, so the test says where its central is.
      const legacy = { central: central.address, level } as const;
      const { line, code } = await runUntilConnected({ data, config, legacy });
      assert.match(line, new RegExp(`^connected to ${central.address}: ${level}, `));
      assert.equal(code, 0);
      assert.doesNotMatch(readFileSync(join(data, "legacy.json"), "utf8"), /key of the tests/);
    });
  });
}

test("flags do not turn an agent that has joined into another, and without any there is none", async () => {
  await withTempFolder(async (root) => {
    const central = await startStandInCentral();
    const data = join(root, "agent");
    await joinAgent({ token: central.makeToken(), data }, quiet);
    const legacy = { central: "127.0.0.1:1", level: "plaintext" } as const;
    await assert.rejects(runAgent({ data, legacy }, quiet), fails("agent.legacy_joined"));
    await assert.rejects(runAgent({ data: join(root, "none") }, quiet), fails("agent.not_joined"));
    await central.close();
  });
});
