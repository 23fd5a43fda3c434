import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Level } from "@tautline/protocol";
import {
  launchTautline,
  type LaunchedProcess,
  listenOnAnyPort,
  withTempFolder,
} from "@tautline/testing";
import { startRelay } from "../relay.ts";
import {
  callSocket,
  describeCentral,
  type Items,
  launchCentral,
  type ListedLink,
  type RunningCentral,
} from "../running-central.ts";
import { until } from "../until.ts";

const KEY_TEXT = "a key of the tests that is long enough to be strong: 51d0c7e2b9";

interface Move {
  readonly level: string | null;
  readonly status: string;
  readonly error: string;
}

interface AgentStatus {
  readonly level: string;
  readonly provenLevel: string | null;
  readonly orderedLevel: string | null;
  readonly climbed: { readonly level: string; readonly by: string } | null;
  readonly errors: readonly { readonly code: string }[];
}

interface Host {
  readonly id: string;
  readonly data: string;
  readonly run: () => LaunchedProcess;
}

/** A central that hears every level; plaintext on the agents' port too, where it is told to share it. */
async function withOpenCentral(
  isShared: boolean,
  use: (central: RunningCentral) => Promise<void>,
): Promise<void> {
  await withTempFolder(async (folder) => {
    const key = join(folder, "legacy.key");
    writeFileSync(key, KEY_TEXT, { mode: 0o600 });
    const config = join(folder, "central.yaml");
    const plaintext = isShared ? "bind: off, port: 0" : "bind: public, port: 0";
    const lines = [
      "agents: { levels: [basic, advanced, tls, mtls] }",
      `plaintext: { ${plaintext} }`,
      `keys: [{ name: legacy, file: ${JSON.stringify(key)} }]`,
    ];
    writeFileSync(config, `${lines.join("\n")}\n`);
    const dataDir = join(folder, "central");
    await using process = launchCentral(dataDir, undefined, { config });
    const central = await describeCentral(process, dataDir, folder);
    if (isShared) {
      const shared = { bind: "public", shared: true };
      await central.call("PUT", "/api/v1/listeners/plaintext", shared);
    }
    await use(central);
    await process.kill("SIGTERM");
  });
}

/** Joins a host that then dials at a level, at the port that hears it. */
async function joinHost(central: RunningCentral, level: Level, port: number): Promise<Host> {
  const data = join(central.folder, level);
  mkdirSync(data, { mode: 0o700 });
  const key = join(central.folder, "legacy.key");
  const settings = {
    central: { level, addresses: [`127.0.0.1:${port}`], key: { file: key } },
    floor: level,
  };
  // JSON is YAML. The join's own token says where certificates are spoken.
  writeFileSync(join(data, "agent.yaml"), JSON.stringify(settings));
  const args = ["agent", "join", "--json", "--name", level, "--data", data];
  await using joining = launchTautline(args, { env: { TAUTLINE_TOKEN: await central.token() } });
  const line = await joining.waitForEvent(({ id }) => typeof id === "string");
  const { code } = await joining.exited;
  assert.equal(code, 0, joining.stderr);
  const run = (): LaunchedProcess => launchTautline(["agent", "run", "--data", data, "--json"]);
  return { id: String(line["id"]), data, run };
}

async function moveOf(central: RunningCentral, { id }: Host): Promise<Move> {
  return (await central.call<{ move: Move }>("GET", `/api/v1/agents/${id}`)).move;
}

function order(central: RunningCentral, { id }: Host, level: Level): Promise<unknown> {
  return central.call("POST", `/api/v1/agents/${id}/move`, { level });
}

async function linkOf(central: RunningCentral, { id }: Host): Promise<ListedLink | undefined> {
  const { items } = await central.call<Items<ListedLink>>("GET", `/api/v1/links?agent=${id}`);
  return items.length === 1 ? items[0] : undefined;
}

function linkedAt(central: RunningCentral, host: Host, level: Level): Promise<ListedLink> {
  return until(async () => {
    const link = await linkOf(central, host);
    return link?.level === level ? link : undefined;
  });
}

function settled(central: RunningCentral, host: Host, status: string): Promise<Move> {
  return until(async () => {
    const move = await moveOf(central, host);
    return move.status === status ? move : undefined;
  });
}

async function statusOf({ data }: Host): Promise<AgentStatus> {
  return callSocket(join(data, "agent.sock"), { method: "GET", path: "/status" });
}

/** Its own file says where central is, so it refuses the addresses; that they were offered tells that orders carry them now. */
async function leadTo(central: RunningCentral, { id }: Host, port: number): Promise<void> {
  const value = `127.0.0.1:${port}`;
  await central.call("PUT", "/api/v1/settings", { key: "central.addresses", value });
  await until(async () => {
    const { addresses } = await central.call<{
      addresses: { offered: string[]; status: string };
    }>("GET", `/api/v1/agents/${id}`);
    return addresses.offered[0] === value && addresses.status === "failed" ? true : undefined;
  });
}

async function blockedPort(): Promise<number> {
  const { port, close } = await listenOnAnyPort(createServer());
  await close();
  return port;
}

async function climbFrom(central: RunningCentral, level: Level): Promise<void> {
  const host = await joinHost(central, level, central.agentsPort);
  await using agent = host.run();
  const before = await linkedAt(central, host, level);
  await using verb = launchTautline(
    `agents move ${host.id} --level mtls --data ${central.dataDir}`.split(" "),
  );
  assert.equal((await verb.exited).code, 0, verb.stderr);
  assert.match(verb.stdout, /is to climb to mtls/);
  const link = await linkedAt(central, host, "mtls");
  assert.equal(link.clientProven, true);
  assert.notEqual(link.id, before.id);
  assert.equal((await settled(central, host, "applied")).level, "mtls");
  const status = await statusOf(host);
  assert.deepEqual(
    [status.level, status.provenLevel, status.climbed],
    ["mtls", "mtls", { level: "mtls", by: "instruction" }],
  );
  await assert.rejects(order(central, host, level), /fleet\.move_lowers/);
  await agent.kill("SIGTERM");
}

describe("climbing between real processes", () => {
  it("agents at basic, advanced and tls climb to mtls by 'agents move', and stay there", () =>
    withOpenCentral(false, async (central) => {
      await Promise.all(
        (["basic", "advanced", "tls"] as const).map((level) => climbFrom(central, level)),
      );
    }));

  it("one at plaintext whose way up is blocked keeps its link and reports; F1: one that is killed in the midst climbs after it", () =>
    withOpenCentral(false, async (central) => {
      const host = await joinHost(central, "plaintext", central.plaintextPort ?? 0);
      await using agent = host.run();
      const { id: before } = await linkedAt(central, host, "plaintext");
      await leadTo(central, host, await blockedPort());
      await order(central, host, "mtls");
      const { error } = await settled(central, host, "failed");
      assert.match(error, /^agent\.level_unreachable: .*nothing listens there/);
      assert.equal((await linkOf(central, host))?.id, before);
      const kept = await statusOf(host);
      assert.deepEqual([kept.level, kept.climbed, kept.orderedLevel], ["plaintext", null, null]);

      await using relay = await startRelay(central.agentsPort);
      relay.faults.toCentral = "stall";
      await leadTo(central, host, relay.port);
      await order(central, host, "mtls");
      await until(async () => (relay.accepted > 0 ? true : undefined));
      assert.equal((await statusOf(host)).orderedLevel, "mtls");
      await agent.kill("SIGKILL");
      relay.faults.toCentral = "pass";
      relay.reset();
      await using restarted = host.run();
      await linkedAt(central, host, "mtls");
      assert.equal((await settled(central, host, "applied")).level, "mtls");
      await restarted.kill("SIGTERM");
      await using again = host.run();
      await again.waitForEvent(({ event, level }) => event === "connected" && level === "mtls");
      await again.kill("SIGTERM");
    }));

  it("QMP-2: agents whose level is closed at central go up to mtls by themselves, and nobody is stranded", () =>
    withOpenCentral(true, async (central) => {
      const hosts = await Promise.all(
        (["plaintext", "basic"] as const).map((level) =>
          joinHost(central, level, central.agentsPort),
        ),
      );
      await using agents = new AsyncDisposableStack();
      for (const host of hosts) agents.use(host.run());
      const [first, second] = hosts;
      assert.ok(first !== undefined && second !== undefined);
      await linkedAt(central, first, "plaintext");
      await linkedAt(central, second, "basic");
      await central.call("PUT", "/api/v1/listeners/plaintext", { bind: "off" });
      await central.call("PUT", "/api/v1/listeners/agents", { levels: ["tls", "mtls"] });
      for (const host of hosts) {
        assert.equal((await linkedAt(central, host, "mtls")).clientProven, true);
        const { climbed, errors } = await statusOf(host);
        assert.deepEqual(climbed, { level: "mtls", by: "rescue" });
        assert.ok(errors.some(({ code }) => code === "agent.level_rescued"));
      }
    }));
});
