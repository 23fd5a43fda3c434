import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError, type ErrorCode } from "@tautline/protocol";
import {
  createTestAuthority,
  launchProcess,
  startStandInCentral,
  withTempFolder,
  type StandInCentral,
} from "@tautline/testing";
import { agentConfigExample, joinAgent, readAgentStatus, runAgent } from "./main.ts";

const MAIN = new URL("./main.ts", import.meta.url).href;
const fails = (code: ErrorCode) => (error: unknown) =>
  isTautlineError(error) && error.code === code;

interface Scene {
  readonly central: StandInCentral;
  /** Data folder; not there yet. */
  readonly data: string;
  readonly folder: string;
  readonly printed: string[];
  readonly io: { stdout: (line: string) => void; signal: AbortSignal };
}

async function withScene(use: (scene: Scene) => Promise<void>): Promise<void> {
  await withTempFolder(async (folder) => {
    const central = await startStandInCentral();
    const printed: string[] = [];
    const io = {
      stdout: (line: string) => void printed.push(line),
      signal: new AbortController().signal,
    };
    try {
      await use({ central, data: join(folder, "agent"), folder, printed, io });
    } finally {
      await central.close();
    }
  });
}

test("join prints the id, writes an example of the settings that changes nothing, and exits 0", async () => {
  await withScene(async ({ central, data, printed, io }) => {
    assert.equal(await joinAgent({ token: central.makeToken(), data, name: "web-1" }, io), 0);
    const { id, name, state } = await readAgentStatus({ data });
    assert.deepEqual(printed, [id]);
    assert.deepEqual([name, state], ["web-1", "active"]);
    const file = join(data, "agent.yaml");
    assert.equal(readFileSync(file, "utf8"), agentConfigExample());
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });
});

test("with --json join prints one document: id, name, namespace, state", async () => {
  await withScene(async ({ central, data, printed, io }) => {
    await joinAgent({ token: central.makeToken(), data, name: "web-1", json: true }, io);
    const { id } = await readAgentStatus({ data });
    assert.deepEqual(
      printed.map((line) => JSON.parse(line) as unknown),
      [{ id, name: "web-1", namespace: "default", state: "active" }],
    );
  });
});

test("a join over a join says so, gives the same id, and asks central nothing", async () => {
  await withScene(async ({ central, data, printed, io }) => {
    await joinAgent({ token: central.makeToken(), data }, io);
    const before = central.received.length;
    assert.equal(await joinAgent({ token: central.makeToken(), data }, io), 0);
    assert.equal(printed[1], `${printed[0] ?? ""} (had joined already; no token was used)`);
    assert.equal(central.received.length, before);
    const elsewhere = await startStandInCentral({ authority: createTestAuthority() });
    await assert.rejects(
      joinAgent({ token: elsewhere.makeToken(), data }, io),
      fails("agent.already_joined"),
    );
    await elsewhere.close();
  });
});

test("the token may come from a file; a file that is not there and a token cut short are named", async () => {
  await withScene(async ({ central, data, folder, io }) => {
    const tokenFile = join(folder, "token");
    await assert.rejects(joinAgent({ tokenFile, data }, io), fails("agent.token_unreadable"));
    writeFileSync(tokenFile, `${central.makeToken().slice(0, -3)}\n`);
    await assert.rejects(joinAgent({ tokenFile, data }, io), fails("value.join_token"));
    assert.ok(!existsSync(data));
    writeFileSync(tokenFile, `${central.makeToken()}\n`);
    assert.equal(await joinAgent({ tokenFile, data }, io), 0);
  });
});

test("without a token there is nothing to join with; a name of control characters is refused", async () => {
  await withScene(async ({ central, data, io }) => {
    await assert.rejects(joinAgent({ data }, io), fails("agent.token_missing"));
    const named = joinAgent({ token: central.makeToken(), data, name: "a\u001b[2Jb" }, io);
    await assert.rejects(named, isTautlineError);
  });
});

test("run needs a join first, and refuses a settings file with a mistake", async () => {
  await withScene(async ({ data, folder, io }) => {
    await assert.rejects(runAgent({ data }, io), fails("agent.not_joined"));
    await assert.rejects(readAgentStatus({ data }), fails("agent.not_joined"));
    mkdirSync(data, { mode: 0o700 });
    writeFileSync(join(data, "agent.yaml"), "flor: mtls\n");
    await assert.rejects(runAgent({ data }, io), fails("config.invalid"));
    const config = join(folder, "nowhere.yaml");
    await assert.rejects(runAgent({ data, config }, io), fails("config.unreadable"));
  });
});

test("run prints one line at each first answer, and ends with 0 when its signal aborts", async () => {
  await withScene(async ({ central, data, printed, io }) => {
    await joinAgent({ token: central.makeToken(), data }, io);
    const stop = new AbortController();
    const connected = Promise.withResolvers<void>();
    const stdout = (line: string): void => {
      printed.push(line);
      connected.resolve();
    };
    const ended = runAgent({ data, json: true }, { stdout, signal: stop.signal });
    await connected.promise;
    stop.abort();
    assert.equal(await ended, 0);
    const event = JSON.parse(printed.at(-1) ?? "") as Record<string, unknown>;
    assert.deepEqual(
      [event["event"], event["id"], event["level"]],
      ["connected", printed[0], "mtls"],
    );
    assert.match(String(event["group"]), /^X25519/);
  });
});

test("SIGTERM ends a running agent with 0 after its goodbye; TAUTLINE_DATA and TAUTLINE_TOKEN are heard", async (t) => {
  await withScene(async ({ central, data }) => {
    const program = `
      const { joinAgent } = await import(${JSON.stringify(MAIN)});
      const stdout = (line) => console.log(line);
      const signal = new AbortController().signal;
      process.exitCode = await joinAgent({ json: true, run: true }, { stdout, signal });
    `;
    await using agent = launchProcess({
      command: process.execPath,
      args: ["--input-type=module", "-e", program],
      env: { TAUTLINE_DATA: data, TAUTLINE_TOKEN: central.makeToken() },
      signal: t.signal,
    });
    await agent.waitForEvent(({ state }) => state === "active");
    await agent.waitForEvent(({ event }) => event === "connected");
    assert.deepEqual(await agent.kill("SIGTERM"), { code: 0, signal: null });
    assert.notEqual(central.received.at(-1)?.message.agentDisconnect, undefined);
    assert.equal((await readAgentStatus({ data })).running, false);
  });
});

test("kill -9 of a running agent keeps nobody out: the next one connects on the same folder", async (t) => {
  await withScene(async ({ central, data, io }) => {
    await joinAgent({ token: central.makeToken(), data }, io);
    const program = `
      const { runAgent } = await import(${JSON.stringify(MAIN)});
      const signal = new AbortController().signal;
      await runAgent({ data: ${JSON.stringify(data)}, json: true }, { stdout: (line) => console.log(line), signal });
    `;
    const launch = () =>
      launchProcess({
        command: process.execPath,
        args: ["--input-type=module", "-e", program],
        signal: t.signal,
      });
    await using killed = launch();
    await killed.waitForEvent(({ event }) => event === "connected");
    await killed.kill("SIGKILL");
    assert.ok(existsSync(join(data, "agent.sock")));
    assert.equal((await readAgentStatus({ data })).running, false);
    await using next = launch();
    await next.waitForEvent(({ event }) => event === "connected");
    assert.equal((await readAgentStatus({ data })).running, true);
    assert.deepEqual(await next.kill("SIGTERM"), { code: 0, signal: null });
  });
});
