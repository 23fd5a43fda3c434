import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { connect } from "node:tls";
import { launchProcess, launchTautline, type LaunchedProcess } from "@tautline/testing";
import { startRelay } from "../relay.ts";
import { callSocket, type Items, type RunningCentral, withCentral } from "../running-central.ts";
import { until } from "../until.ts";

interface Offer {
  readonly version: string;
  readonly levels: readonly string[];
}

interface AgentStatus {
  readonly central: {
    readonly addresses: readonly string[];
    readonly connected: boolean;
    readonly lastAnswerAt: string | null;
    readonly clockOffsetSeconds: number | null;
    readonly offers: Offer | null;
    readonly attempts: readonly { readonly address: string; readonly code: string }[];
    readonly proxy: string | null;
  };
  readonly settings: { readonly values: { readonly heartbeatSeconds: number } };
  readonly errors: readonly { readonly code: string; readonly at: string }[];
}

interface AgentPage {
  readonly id: string;
  readonly version: string;
  readonly offers: Offer | null;
  readonly clockOffsetSeconds: number | null;
  readonly addresses: {
    readonly offered: readonly string[];
    readonly status: string;
    readonly error: string;
  };
}

const FAULTS = ["drop", "one way to central", "one way to the agent", "reset"] as const;
const TRANSPORTS = ["websocket", "polling"] as const;

describe("the network between agents and central", () => {
  it("central moves to another address: agents follow what they can prove, and keep the old where they cannot", async (t) => {
    await withCentral(async (central) => {
      await using relay = await startRelay(central.agentsPort);
      const dead = await freePort();
      const folder = await joinHost(central, "mover");
      await using agent = runHost(folder);
      await connected(agent);
      const { id } = (await onlyAgent(central)) as { id: string };
      const page = (): Promise<AgentPage> => central.call("GET", `/api/v1/agents/${id}`);

      const unreachable = `127.0.0.1:${dead}`;
      await setAddresses(central, unreachable);
      await until(
        async () => ((await page()).addresses.status === "failed" ? true : undefined),
        t.signal,
      );
      const failed = await page();
      assert.deepEqual(failed.addresses.offered, [unreachable]);
      assert.match(failed.addresses.error, /agent\.addresses_unreachable: .*nothing listens there/);
      assert.deepEqual((await status(folder))?.central.addresses.includes(unreachable), false);
      assert.equal((await status(folder))?.central.connected, true);

      const moved = `127.0.0.1:${relay.port}`;
      await setAddresses(central, `${unreachable}, ${moved}`);
      await until(
        async () => ((await page()).addresses.status === "applied" ? true : undefined),
        t.signal,
      );
      assert.equal(relay.accepted, 1);
      const now = await status(folder);
      assert.deepEqual(now?.central.addresses, [unreachable, moved]);
      assert.equal(now?.central.attempts.find(({ address }) => address === moved)?.code, "");
      const trail = await central.call<Items<{ action: string; subject: string }>>(
        "GET",
        "/api/v1/audit",
      );
      const outcomes = trail.items.filter(
        ({ action, subject }) => action.startsWith("instruction.") && subject === `agent:${id}`,
      );
      assert.deepEqual(outcomes.map(({ action }) => action).toSorted(), [
        "instruction.carried-out",
        "instruction.issued",
        "instruction.issued",
        "instruction.refused",
      ]);
      // Who joins now is told the new place at once.
      const token = await central.token();
      assert.ok(token.startsWith("tautline1."));
      await agent.kill("SIGTERM");
    });
  });

  for (const transport of TRANSPORTS) {
    it(`both ends know how far their clocks are apart and what the other is, over ${transport}`, async (t) => {
      await withCentral(async (central) => {
        const folder = await joinHost(central, "clocked", { central: { transport } });
        await using agent = runHost(folder);
        await connected(agent);
        assert.ok(Math.abs((await status(folder))?.central.clockOffsetSeconds ?? 99) <= 1);
        const { id } = (await onlyAgent(central)) as { id: string };
        await until(async () => {
          const { clockOffsetSeconds } = await central.call<AgentPage>(
            "GET",
            `/api/v1/agents/${id}`,
          );
          return clockOffsetSeconds === 0 ? true : undefined;
        }, t.signal);
        // What each end says of itself, as the other one shows it.
        const { version, offers } = await central.call<AgentPage>("GET", `/api/v1/agents/${id}`);
        assert.deepEqual(offers, { version, levels: ["mtls"] });
        const told = (await status(folder))?.central.offers;
        assert.deepEqual(told, { version, levels: ["tls", "mtls"] });
        await agent.kill("SIGTERM");
      });
    });

    it(`an agent joins and runs through tinyproxy, with and without a login, over ${transport}`, async () => {
      await withCentral(async (central) => {
        for (const login of [undefined, "host:s3cret"]) {
          await using proxy = await startTinyproxy(central.folder, login);
          const name = login === undefined ? "open" : "login";
          const settings = { proxy: `http://127.0.0.1:${proxy.port}`, transport };
          if (login !== undefined) {
            const denied = await joinHostFails(central, `${name}-denied`, { central: settings });
            assert.match(denied, /link\.proxy_login|asks for a login/);
          }
          const file = join(central.folder, `${name}-credentials`);
          if (login !== undefined) writeFileSync(file, `${login}\n`, { mode: 0o600 });
          const more = login === undefined ? {} : { proxyCredentialsFile: file };
          const folder = await joinHost(central, name, { central: { ...settings, ...more } });
          await using agent = runHost(folder);
          await connected(agent);
          assert.equal((await status(folder))?.central.proxy, `127.0.0.1:${proxy.port}`);
          await agent.kill("SIGTERM");
          assert.ok(!agent.stderr.includes("s3cret"));
        }
      });
    });

    it(`F4: a network that drops, lets one way through or resets is noticed over ${transport}; agents are back when it heals`, async (t) => {
      await withCentral(async (central) => {
        const key = "agents.heartbeatSeconds";
        await central.call("PUT", "/api/v1/settings", { key, value: "5" });
        await Promise.all(FAULTS.map((fault) => breakAndHeal(central, transport, fault, t.signal)));
      });
    });
  }

  it("a refusal tells central's time too, before anybody has proven anything", async () => {
    await withCentral(async (central) => {
      const upgrade =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
      for (const request of [
        `GET /v1/opamp HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`,
        "POST /v1/opamp HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n",
        "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
      ]) {
        const socket = connect({
          port: central.agentsPort,
          host: "127.0.0.1",
          rejectUnauthorized: false,
        });
        socket.write(request);
        const [answer] = (await once(socket, "data")) as [Buffer];
        socket.destroy();
        assert.match(String(answer), /^HTTP\/1\.1 40[14] /);
        const [, time = ""] = /\r\ntautline-time: ([^\r]+)\r\n/i.exec(String(answer)) ?? [];
        assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000, time);
      }
    });
  });
});

/** An agent behind a network that fails, until it has noticed; then the network heals, and it must come back. */
async function breakAndHeal(
  central: RunningCentral,
  transport: (typeof TRANSPORTS)[number],
  fault: (typeof FAULTS)[number],
  signal: AbortSignal,
): Promise<void> {
  await using relay = await startRelay(central.agentsPort);
  const addresses = [`127.0.0.1:${relay.port}`];
  const times = { pollingInterval: "5s", answerTimeout: "5s" };
  const folder = await joinHost(central, fault.replaceAll(" ", "-"), {
    central: { addresses, transport, ...times },
  });
  await using agent = runHost(folder);
  await connected(agent);
  await until(async () => {
    const { settings } = (await status(folder)) ?? {};
    return settings?.values.heartbeatSeconds === 5 ? true : undefined;
  }, signal);
  const before = relay.accepted;
  if (fault === "reset") relay.reset();
  if (fault === "drop" || fault === "one way to the agent") relay.faults.toCentral = "stall";
  if (fault === "drop" || fault === "one way to central") relay.faults.toAgent = "stall";
  // Between two polls a connection that was reset is no loss: the next poll dials a new one.
  if (fault === "reset" && transport === "polling") {
    await until(async () => (relay.accepted > before ? true : undefined), signal);
  } else {
    const noticed = await until(async () => (await status(folder))?.errors.at(-1), signal);
    assert.match(
      noticed.code,
      /^(?:agent\.(?:central_silent|link_closed)|link\.(?:broken|timeout))$/,
    );
  }
  Object.assign(relay.faults, { toCentral: "pass", toAgent: "pass" });
  relay.reset();
  await until(async () => {
    const now = await status(folder);
    const latest = now?.errors.at(-1)?.at ?? "";
    const { connected: isBack, lastAnswerAt } = now?.central ?? {};
    return isBack === true && (lastAnswerAt ?? "") > latest ? true : undefined;
  }, signal);
  await agent.kill("SIGTERM");
}

type Settings = Readonly<Record<string, unknown>>;

function startJoin(
  central: RunningCentral,
  name: string,
  token: string,
  settings: Settings,
): LaunchedProcess {
  const folder = join(central.folder, name);
  mkdirSync(folder, { mode: 0o700 });
  // JSON is YAML.
  writeFileSync(join(folder, "agent.yaml"), JSON.stringify(settings));
  return launchTautline(["agent", "join", token, "--name", name, "--data", folder, "--json"]);
}

async function joinHost(
  central: RunningCentral,
  name: string,
  settings: Settings = {},
): Promise<string> {
  await using joining = startJoin(central, name, await central.token(), settings);
  const { code } = await joining.exited;
  assert.equal(code, 0, joining.stderr);
  return join(central.folder, name);
}

async function joinHostFails(
  central: RunningCentral,
  name: string,
  settings: Settings,
): Promise<string> {
  await using joining = startJoin(central, name, await central.token(), settings);
  const { code } = await joining.exited;
  assert.equal(code, 1);
  return joining.stderr;
}

function runHost(folder: string): LaunchedProcess {
  return launchTautline(["agent", "run", "--data", folder, "--json"]);
}

function connected(process: LaunchedProcess): Promise<unknown> {
  return process.waitForEvent((event) => event["event"] === "connected");
}

async function status(folder: string): Promise<AgentStatus | undefined> {
  try {
    return await callSocket<AgentStatus>(join(folder, "agent.sock"), {
      method: "GET",
      path: "/status",
    });
  } catch {
    return undefined;
  }
}

async function onlyAgent(central: RunningCentral): Promise<unknown> {
  const { items } = await central.call<Items<{ id: string }>>("GET", "/api/v1/agents");
  assert.equal(items.length, 1);
  return items[0];
}

function setAddresses(central: RunningCentral, value: string): Promise<unknown> {
  return central.call("PUT", "/api/v1/settings", { key: "central.addresses", value });
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  server.close();
  await once(server, "close");
  return port;
}

/** Debian's tinyproxy: a proxy that no one here wrote. */
async function startTinyproxy(
  folder: string,
  login: string | undefined,
): Promise<AsyncDisposable & { readonly port: number }> {
  const port = await freePort();
  const file = join(folder, `tinyproxy-${port}.conf`);
  const lines = [`Port ${port}`, "Listen 127.0.0.1", "Allow 127.0.0.1", "LogLevel Connect"];
  if (login !== undefined) lines.push(`BasicAuth ${login.replace(":", " ")}`);
  writeFileSync(file, `${lines.join("\n")}\n`);
  const process = launchProcess({ command: "tinyproxy", args: ["-d", "-c", file] });
  await until(() => isListening(port));
  return { port, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

async function isListening(port: number): Promise<true | undefined> {
  const { connect: dial } = await import("node:net");
  const socket = dial(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
