import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Level } from "@tautline/protocol";
import { launchProcess, launchTautline, type LaunchedProcess } from "@tautline/testing";
import { type EveryLevel, withEveryLevel } from "../faults/every-level.ts";
import { type Items, type RunningCentral, withCentral } from "../running-central.ts";
import { until } from "../until.ts";

const MIB = 1024 * 1024;

/** A service of the agent's host: hears everything first, then says its digest, so that half-closing must work both ways. */
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
const web = createHttpServer((_request, answer) => answer.end("hello\n"));
const servers = { hash: hashing, silent, web };
const opened = Object.values<Server>(servers).map(async (server) => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
});
after(() => {
  for (const server of Object.values<Server>(servers)) server.close();
  web.closeAllConnections();
});

type AnyCentral = RunningCentral & Partial<Pick<EveryLevel, "keyFile">>;

interface Reached extends AsyncDisposable {
  readonly central: AnyCentral;
  readonly agentId: string;
  readonly data: string;
  readonly agent: LaunchedProcess;
  /** Runs `forwards open` for a service that is allowed first; with input it carries that in place of listening. */
  readonly open: (service: string, input?: string | Buffer) => Promise<LaunchedProcess>;
}

/** An agent that joined and then runs at a level, with services of its host. */
async function launchReached(central: AnyCentral, level: Level): Promise<Reached> {
  const data = join(central.folder, level);
  mkdirSync(data, { mode: 0o700 });
  const ports = await Promise.all(opened);
  const services = Object.keys(servers).map(
    (name, at) => `  ${name}: { to: "127.0.0.1:${ports[at]}" }`,
  );
  const key = `  key: { name: legacy, file: ${JSON.stringify(central.keyFile)} }`;
  const yaml = [
    `central:`,
    `  level: ${level}`,
    `  addresses: ["127.0.0.1:${central.agentsPort}"]`,
    ...(level === "basic" ? [key] : []),
    `floor: ${level}`,
    "services:",
    ...services,
  ];
  writeFileSync(join(data, "agent.yaml"), yaml.join("\n"));
  const args = ["agent", "join", "--json", "--name", level, "--data", data];
  await using joining = launchTautline(args, { env: { TAUTLINE_TOKEN: await central.token() } });
  assert.equal((await joining.exited).code, 0, joining.stderr);
  const agent = launchTautline(["agent", "run", "--json", "--data", data]);
  const connected = await agent.waitForEvent((event) => event["event"] === "connected");
  const agentId = String(connected["id"]);
  return {
    central,
    agentId,
    data,
    agent,
    open: (service, input) => open({ central, agentId }, service, input),
    [Symbol.asyncDispose]: async () => void (await agent.kill("SIGTERM")),
  };
}

async function allow({ central }: Pick<Reached, "central">, name: string): Promise<void> {
  await central.call("POST", "/api/v1/forwards", { name, direction: "in" });
}

async function open(
  { central, agentId }: Pick<Reached, "central" | "agentId">,
  service: string,
  input?: string | Buffer,
): Promise<LaunchedProcess> {
  const how = input === undefined ? ["--json"] : ["--stdio"];
  const which = ["--agent", agentId, "--service", service, "--data", central.dataDir];
  return launchTautline(
    ["forwards", "open", ...which, ...how],
    input === undefined ? {} : { input },
  );
}

async function portOf(opening: LaunchedProcess): Promise<number> {
  const { listen } = await opening.waitForEvent((event) => event["event"] === "ready");
  return Number(/^127\.0\.0\.1:(\d+)$/.exec(String(listen))?.[1]);
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** How a connection ended: in order, or reset. */
function endOf(socket: Socket): Promise<"ended" | "reset"> {
  return new Promise((resolve) => {
    socket.once("end", () => resolve("ended"));
    socket.once("close", () => resolve("reset"));
    socket.resume();
  });
}

async function textOf(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

interface ListedStream {
  readonly component: string;
  readonly direction: string;
  readonly operator: string;
  readonly level: string;
}

async function oneStream(central: AnyCentral): Promise<ListedStream | undefined> {
  return until(async () => {
    const path = "/api/v1/links?kind=forward";
    const { items } = await central.call<Items<ListedStream>>("GET", path);
    return items.length === 1 ? items[0] : undefined;
  });
}

/** A connection of a program that is carried, with what it reaches. */
async function carried(port: number): Promise<readonly [program: Socket, target: Socket]> {
  const arrived = once(silent, "connection") as Promise<[Socket]>;
  const program = await dial(port);
  program.write("x");
  const [target] = await arrived;
  return [program, target];
}

/** How both ends of a connection over it will end. */
async function endsOver(opening: LaunchedProcess) {
  const [program, target] = await carried(await portOf(opening));
  return [endOf(program), endOf(target)] as const;
}

describe(
  "services of agents, opened by operators, between real processes",
  { concurrency: 2 },
  () => {
    for (const level of ["mtls", "basic"] as const) {
      it(`OV-1: at ${level} bytes arrive whole, half-close works, the stream is listed, and denial resets it`, () =>
        withEveryLevel(async (central) => {
          await using reached = await launchReached(central, level);
          for (const name of ["hash", "silent"]) await allow(reached, name);
          await using hash = await reached.open("hash");
          const port = await portOf(hash);
          for (const bytes of [0, 1, 5 * MIB]) {
            const said = randomBytes(bytes);
            const program = await dial(port);
            program.end(said);
            assert.equal(await textOf(program), createHash("sha256").update(said).digest("hex"));
          }
          await using quiet = await reached.open("silent");
          const [program, target] = await carried(await portOf(quiet));
          const stream = await oneStream(central);
          assert.deepEqual(
            [stream?.component, stream?.direction, stream?.operator, stream?.level],
            ["silent", "in", "local", level],
          );
          const ends = [endOf(program), endOf(target)] as const;
          await central.call("DELETE", "/api/v1/forwards/silent");
          assert.deepEqual(await Promise.all(ends), ["reset", "reset"]);
          assert.equal((await hash.kill("SIGTERM")).code, 0);
        }));
    }

    it("OV-1: curl and a pipe run unchanged; what is not allowed or not listed is refused in the words of who refuses", () =>
      withEveryLevel(async (central) => {
        await using reached = await launchReached(central, "mtls");
        for (const name of ["web", "hash", "ghost"]) await allow(reached, name);
        await using opening = await reached.open("web");
        const url = `http://127.0.0.1:${await portOf(opening)}/`;
        await using curl = launchProcess({ command: "curl", args: ["-sS", url, url] });
        assert.equal((await curl.exited).code, 0, curl.stderr);
        assert.equal(curl.stdout, "hello\nhello\n");
        const said = randomBytes(MIB);
        await using pipe = await reached.open("hash", said);
        assert.equal((await pipe.exited).code, 0, pipe.stderr);
        assert.equal(pipe.stdout, createHash("sha256").update(said).digest("hex"));
        await using denied = await reached.open("silent");
        assert.equal((await denied.exited).code, 1);
        assert.match(denied.stderr, /forward\.service_not_allowed/);
        await using unlisted = await reached.open("ghost", "anything");
        assert.equal((await unlisted.exited).code, 1);
        assert.match(unlisted.stderr, /The agent lists no service 'ghost'/);
        assert.equal(unlisted.stdout, "");
      }));

    it("F1: where operator, agent or central is killed nobody is left waiting, and who lives takes no part for the whole", () =>
      withCentral(async (central) => {
        await using reached = await launchReached(central, "mtls");
        await allow(reached, "silent");
        // The system closes a dead process's own sockets in order; only who still lives can reset.
        await using first = await reached.open("silent");
        const byOperator = await endsOver(first);
        await first.kill("SIGKILL");
        assert.equal((await Promise.all(byOperator))[1], "reset");

        await using opening = await reached.open("silent");
        const byAgent = await endsOver(opening);
        await reached.agent.kill("SIGKILL");
        assert.equal((await Promise.all(byAgent))[0], "reset");

        await using again = launchTautline(["agent", "run", "--json", "--data", reached.data]);
        await again.waitForEvent((event) => event["event"] === "connected");
        await using last = await reached.open("silent");
        const byCentral = await endsOver(last);
        await central.process.kill("SIGKILL");
        assert.deepEqual(await Promise.all(byCentral), ["reset", "reset"]);
      }));
  },
);
