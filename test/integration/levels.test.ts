import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { basicPsk, dialAdvanced, dialBasic } from "@tautline/link";
import { isTautlineError } from "@tautline/protocol";
import { launchTautline, withTempFolder } from "@tautline/testing";
import {
  describeCentral,
  type Items,
  launchCentral,
  type ListedLink,
  type RunningCentral,
  withCentral,
} from "../running-central.ts";
import { until } from "../until.ts";

const TIMEOUT_MS = 10_000;
/** Whoever comes in plaintext is heard, and an empty message is answered in its own protocol. */
const HEARD = /^HTTP\/1\.1 200 /;

interface Listener {
  readonly name: string;
  readonly bind: string;
  readonly addresses: readonly string[];
  readonly levels: readonly string[];
  readonly links: number;
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** One request in clear, and all that comes back until the other end closes. */
async function ask(port: number): Promise<string> {
  const socket = await dial(port);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.write("POST /v1/opamp HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
  socket.write("content-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n");
  await once(socket, "end");
  socket.end();
  return Buffer.concat(chunks).toString("latin1");
}

const dialling = {
  key: { name: "legacy" },
  isBound: false,
  address: "central",
  timeoutMs: TIMEOUT_MS,
  now: Date.now,
};

async function failureOf(attempt: Promise<unknown>): Promise<string> {
  const error: unknown = await attempt.then(
    () => "none",
    (reason: unknown) => reason,
  );
  return isTautlineError(error) ? error.code : String(error);
}

const atBasic = async (port: number): Promise<string> => {
  const psk = basicPsk(Buffer.alloc(32, 1));
  return failureOf(dialBasic(await dial(port), { ...dialling, psk }));
};
const atAdvanced = async (port: number): Promise<string> => {
  const options = { ...dialling, host: "127.0.0.1", sharedKey: Buffer.alloc(32, 1) };
  return failureOf(dialAdvanced(await dial(port), options));
};

async function set(
  { dataDir }: Pick<RunningCentral, "dataDir">,
  ...flags: readonly string[]
): Promise<Listener> {
  await using verb = launchTautline(["listeners", "set", ...flags, "--json", "--data", dataDir]);
  const { code } = await verb.exited;
  assert.equal(code, 0, verb.stderr);
  return JSON.parse(verb.stdout) as Listener;
}

const listeners = async (central: RunningCentral): Promise<readonly Listener[]> =>
  (await central.call<Items<Listener>>("GET", "/api/v1/listeners")).items;
const portOf = ({ addresses }: Listener): number => Number(/:(\d+)$/.exec(addresses[0] ?? "")?.[1]);

describe("the levels of a running central", () => {
  it("OV-20: a fresh one refuses plaintext, basic and advanced, each in its own language", () =>
    withCentral(async (central) => {
      const { agentsPort } = central;
      const refused = await ask(agentsPort);
      assert.match(refused, /^HTTP\/1\.1 426 [^]*"code":"admission\.level_not_accepted"/);
      assert.match(refused, /central offers tls, mtls/);
      assert.equal(await atBasic(agentsPort), "link.level_refused");
      assert.notEqual(await atAdvanced(agentsPort), "none");
      const [agents, plaintext] = await listeners(central);
      assert.deepEqual(agents?.levels, ["tls", "mtls"]);
      assert.equal(plaintext?.bind, "off");
    }));

  it("hears a level as soon as it is set, and asks for the key of those that have one", () =>
    withCentral(async (central) => {
      const { agentsPort } = central;
      await set(central, "agents", "--levels", "basic,advanced,tls,mtls");
      assert.equal(await atBasic(agentsPort), "link.key_unproven");
      assert.match(await atAdvanced(agentsPort), /^link\.key_/);
      const opened = await set(central, "plaintext", "--bind", "public", "--port", "0");
      assert.match(await ask(portOf(opened)), HEARD);
      await set(central, "plaintext", "--shared");
      assert.match(await ask(agentsPort), HEARD);
      await set(central, "plaintext", "--bind", "off");
      assert.match(await ask(agentsPort), /^HTTP\/1\.1 426 /);
    }));

  it("QM-7, QM-13: what was set outlives a restart, and the command line stands above it", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "central");
      let port = 0;
      {
        await using process = launchCentral(dataDir);
        const central = await describeCentral(process, dataDir, folder);
        await set(central, "agents", "--levels", "basic,mtls");
        port = portOf(await set(central, "plaintext", "--bind", "loopback", "--port", "0"));
        await process.kill("SIGTERM");
      }
      {
        await using process = launchCentral(dataDir);
        const central = await describeCentral(process, dataDir, folder);
        const [agents, plaintext] = await listeners(central);
        assert.deepEqual(agents?.levels, ["basic", "mtls"]);
        assert.equal(plaintext?.bind, "loopback");
        assert.equal(plaintext.addresses[0], `127.0.0.1:${port}`);
        assert.match(await ask(port), HEARD);
        await process.kill("SIGTERM");
      }
      await using again = launchTautline(
        "central run --json --host 127.0.0.1 --agents-port 0 --console-port 0 --plaintext-port 0 --data"
          .split(" ")
          .concat(dataDir),
      );
      const ready = await again.waitForEvent((event) => event["event"] === "ready");
      const url = new URL(String(ready["plaintext"]));
      assert.equal(url.protocol, "ws:");
      assert.match(await ask(Number(url.port)), HEARD);
      await again.kill("SIGTERM");
    }));

  it("ends the link of an agent whose level is closed, with the reason at both ends, and takes it back", () =>
    withCentral(async (central) => {
      const data = join(central.folder, "agent");
      await using joining = launchTautline(
        ["agent", "join", "--json", "--name", "one", "--data", data],
        {
          env: { TAUTLINE_TOKEN: await central.token() },
        },
      );
      assert.equal((await joining.exited).code, 0, joining.stderr);
      await using agent = launchTautline(["agent", "run", "--json", "--data", data]);
      await agent.waitForEvent((event) => event["event"] === "connected");
      await set(central, "agents", "--levels", "basic");
      const { items } = await central.call<Items<ListedLink>>("GET", "/api/v1/links");
      assert.deepEqual(items, []);
      await until(async () => agent.stderr.includes("admission.level_not_accepted") || undefined);
      assert.match(central.process.stderr, /admission\.level_not_accepted/);
      await set(central, "agents", "--levels", "mtls");
      await until(async () => {
        const links = await central.call<Items<ListedLink>>("GET", "/api/v1/links");
        return links.items.length === 1 || undefined;
      });
      await agent.kill("SIGTERM");
    }));

  it("QM-7: does not start with one port for both that nobody shared on purpose", () =>
    withTempFolder(async (folder) => {
      const config = join(folder, "central.yaml");
      writeFileSync(config, "agents: {port: 9150}\nplaintext: {bind: public, port: 9150}\n");
      await using central = launchTautline(
        "central run --console-port 0 --host 127.0.0.1"
          .split(" ")
          .concat("--config", config, "--data", join(folder, "central")),
      );
      const { code } = await central.exited;
      assert.equal(code, 2);
      assert.match(central.stderr, /secure port and the plaintext port are both 9150/);
    }));
});
