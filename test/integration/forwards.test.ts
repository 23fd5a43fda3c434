import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type Level, LEVELS } from "@tautline/protocol";
import { launchProcess, launchTautline, type LaunchedProcess } from "@tautline/testing";
import { type EveryLevel, withEveryLevel } from "../faults/every-level.ts";
import { type Items, type RunningCentral, withCentral } from "../running-central.ts";
import { until } from "../until.ts";

const MIB = 1024 * 1024;

/** A program's server behind central: hears everything first, then says its digest, so that half-closing must work both ways. */
const hashing = createServer({ allowHalfOpen: true }, (socket) => {
  const hash = createHash("sha256");
  socket.on("error", () => {});
  socket.on("data", (part) => hash.update(part));
  socket.on("end", () => socket.end(hash.digest("hex")));
});
/** One that hears and says nothing, and can be made to vanish. */
const silent = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => {});
  socket.resume();
});
const opened = [hashing, silent].map(async (server) => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
});
after(() => {
  for (const server of [hashing, silent]) server.close();
});

interface Forwarding extends AsyncDisposable {
  readonly process: LaunchedProcess;
  /** Where the agent listens for `name`. */
  readonly port: (name: string) => number;
}

/** An agent that joined and then runs at a level, with two forwards. */
async function launchForwarding(
  central: RunningCentral & Partial<Pick<EveryLevel, "keyFile">>,
  level: Level,
): Promise<Forwarding> {
  const data = join(central.folder, level);
  mkdirSync(data, { mode: 0o700 });
  const dialled = level === "plaintext" ? central.plaintextPort : central.agentsPort;
  const ports = await Promise.all([freePort(), freePort()]);
  const names = ["hash", "silent"];
  writeFileSync(
    join(data, "agent.yaml"),
    [
      `central:`,
      `  level: ${level}`,
      `  addresses: ["127.0.0.1:${dialled}"]`,
      ...(level === "basic" || level === "advanced"
        ? [`  key: { name: legacy, file: ${JSON.stringify(central.keyFile)} }`]
        : []),
      `floor: ${level}`,
      "forwards:",
      ...names.map((name, at) => `  ${name}: { listen: "127.0.0.1:${ports[at]}" }`),
    ].join("\n"),
  );
  await joinAt(central, data, level);
  const process = launchTautline(["agent", "run", "--json", "--data", data]);
  await process.waitForEvent((event) => event["event"] === "connected");
  return {
    process,
    port: (name) => ports[names.indexOf(name)] ?? 0,
    [Symbol.asyncDispose]: async () => void (await process.kill("SIGTERM")),
  };
}

/** Over the port that takes joins, whatever the agent's own level will be. */
async function joinAt(central: RunningCentral, data: string, level: Level): Promise<void> {
  const args = ["agent", "join", "--json", "--name", level, "--data", data];
  await using joining = launchTautline([...args], {
    env: { TAUTLINE_TOKEN: await central.token() },
  });
  const { code } = await joining.exited;
  assert.equal(code, 0, joining.stderr);
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function dial(port: number): Promise<Socket> {
  // It listens once the agent's first message was answered, which "connected" tells of a moment earlier.
  return until(async () => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => {});
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("close", () => resolve(false));
    });
    return isOpen ? socket : undefined;
  });
}

/** How a connection ended: in order, or reset. */
function endOf(socket: Socket): Promise<"ended" | "reset"> {
  return new Promise((resolve) => {
    socket.once("end", () => resolve("ended"));
    socket.once("error", () => resolve("reset"));
    socket.once("close", () => resolve("reset"));
    socket.resume();
  });
}

interface ListedStream {
  readonly kind: string;
  readonly component: string;
  readonly level: string;
}

const streamsOf = async (central: RunningCentral): Promise<readonly ListedStream[]> =>
  (await central.call<Items<ListedStream>>("GET", "/api/v1/links?kind=forward")).items;

describe("forwards between real processes", { concurrency: 2 }, () => {
  for (const level of LEVELS) {
    it(`OV-1: at ${level} a program's bytes arrive whole, half-close works, streams are listed at that level and end with it`, () =>
      withEveryLevel(async (central) => {
        const [hash = 0, quiet = 0] = await Promise.all(opened);
        await allow(central, "hash", hash);
        await allow(central, "silent", quiet);
        await using agent = await launchForwarding(central, level);
        for (const bytes of [0, 1, 5 * MIB]) {
          const said = randomBytes(bytes);
          const program = await dial(agent.port("hash"));
          program.end(said);
          assert.equal(await textOf(program), createHash("sha256").update(said).digest("hex"));
        }
        const lasting = await dial(agent.port("silent"));
        lasting.write("x");
        const [stream] = await until(async () => {
          const streams = await streamsOf(central);
          return streams.length === 1 ? streams : undefined;
        });
        assert.deepEqual(
          [stream?.kind, stream?.component, stream?.level],
          ["forward", "silent", level],
        );
        const end = endOf(lasting);
        await central.call("DELETE", "/api/v1/forwards/silent");
        assert.equal(await end, "reset");

        await allow(central, "silent", quiet);
        const standing = await dial(agent.port("silent"));
        standing.write("x");
        await until(async () => ((await streamsOf(central)).length === 1 ? true : undefined));
        const closed = endOf(standing);
        await closeLevel(central, level);
        assert.equal(await closed, "reset");
        await until(async () => ((await streamsOf(central)).length === 0 ? true : undefined));
        for (const { stderr, stdout } of [agent.process, central.process]) {
          assert.match(stderr + stdout, /admission\.level_not_accepted/);
        }
      }));
  }

  it("F1: an agent that is killed leaves nobody waiting, and its target takes no part for the whole", () =>
    withEveryLevel(async (central) => {
      const [, quiet = 0] = await Promise.all(opened);
      await allow(central, "silent", quiet);
      await using agent = await launchForwarding(central, "mtls");
      const arrived = once(silent, "connection") as Promise<[Socket]>;
      const program = await dial(agent.port("silent"));
      program.write("x");
      const [target] = await arrived;
      const ends = [endOf(program), endOf(target)] as const;
      await agent.process.kill("SIGKILL");
      // The system closes a dead process's own sockets in order; only who still lives can reset.
      await ends[0];
      assert.equal(await ends[1], "reset");
      await until(async () => ((await streamsOf(central)).length === 0 ? true : undefined));
    }));

  it("F1: a central that is killed leaves nobody waiting, and no program takes a part for the whole", () =>
    withCentral(async (central) => {
      const [, quiet = 0] = await Promise.all(opened);
      await allow(central, "silent", quiet);
      await using agent = await launchForwarding(central, "mtls");
      const arrived = once(silent, "connection") as Promise<[Socket]>;
      const program = await dial(agent.port("silent"));
      program.write("x");
      await arrived;
      const end = endOf(program);
      await central.process.kill("SIGKILL");
      assert.equal(await end, "reset");
    }));

  it("OV-1: curl keeps its connection alive through a forward", () =>
    withEveryLevel(async (central) => {
      const web = createWeb();
      const { port } = await web;
      await allow(central, "silent", port);
      await using agent = await launchForwarding(central, "mtls");
      (await dial(agent.port("silent"))).destroy();
      const url = `http://127.0.0.1:${agent.port("silent")}/`;
      await using curl = launchProcess({ command: "curl", args: ["-sS", "-v", url, url] });
      assert.equal((await curl.exited).code, 0, curl.stderr);
      assert.equal(curl.stdout, "hello\nhello\n");
      assert.match(curl.stderr, /Re-using existing connection|Reusing existing/);
      (await web).close();
    }));
});

async function createWeb(): Promise<{ readonly port: number; readonly close: () => void }> {
  const server = createHttpServer((_request, answer) => answer.end("hello\n"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Takes one level away and leaves others; an agent at mtls is heard wherever tls is, and the other way round. */
function closeLevel(central: RunningCentral, level: Level): Promise<unknown> {
  if (level === "plaintext") {
    return central.call("PUT", "/api/v1/listeners/plaintext", { bind: "off" });
  }
  const levels = level === "basic" || level === "advanced" ? ["mtls"] : ["basic"];
  return central.call("PUT", "/api/v1/listeners/agents", { levels });
}

function allow(central: RunningCentral, name: string, port: number): Promise<unknown> {
  return central.call("POST", "/api/v1/forwards", { name, target: `127.0.0.1:${port}` });
}

async function textOf(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}
