import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { after, describe, it } from "node:test";
import { type Level, LEVELS } from "@tautline/protocol";
import { launchProcess, type LaunchedProcess } from "@tautline/testing";
import { withEveryLevel } from "../faults/every-level.ts";
import { type RunningCentral, withCentral } from "../running-central.ts";
import { allow, dial, endOf, launchForwarding, statusOf, streamsOf } from "../running-forwards.ts";
import { until } from "../until.ts";

const MIB = 1024 * 1024;
/** More than every buffer on the way has room for. */
const LARGE = randomBytes(96 * MIB);
const NAMES = ["hash", "silent"];

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

describe("forwards between real processes", { concurrency: 2 }, () => {
  for (const level of LEVELS) {
    it(`OV-1: at ${level} a program's bytes arrive whole, half-close works, streams are listed at that level and end with it`, () =>
      withEveryLevel(async (central) => {
        const [hash = 0, quiet = 0] = await Promise.all(opened);
        await allow(central, "hash", hash);
        await allow(central, "silent", quiet);
        await using agent = await launchForwarding(central, level, NAMES);
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
      await using agent = await launchForwarding(central, "mtls", NAMES);
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
      assert.match(central.process.stderr, /"code":"forward\.cut"/);
    }));

  it("F1: a central that is killed leaves nobody waiting, and no program takes a part for the whole", () =>
    withCentral(async (central) => {
      const [, quiet = 0] = await Promise.all(opened);
      await allow(central, "silent", quiet);
      await using agent = await launchForwarding(central, "mtls", NAMES);
      const arrived = once(silent, "connection") as Promise<[Socket]>;
      const program = await dial(agent.port("silent"));
      program.write("x");
      await arrived;
      // The target is connected to before the agent is told that its stream is open.
      await until(async () =>
        (await statusOf(agent)).forwards[1]?.sentBytes === 1 ? true : undefined,
      );
      const end = endOf(program);
      await central.process.kill("SIGKILL");
      assert.equal(await end, "reset");
      const { forwards, errors } = await statusOf(agent);
      assert.deepEqual([forwards[1]?.open, forwards[1]?.cut], [0, 1]);
      assert.ok(errors.some(({ code }) => code === "forward.cut"));
    }));

  it("F1: a target or a program that is killed in the middle ends its stream with a reason at both ends, and nothing arrives twice", () =>
    withEveryLevel(async (central) => {
      await using target = await launchVictim("target", 0);
      await allow(central, "silent", target.port);
      await using agent = await launchForwarding(central, "mtls", NAMES);
      const program = await dial(agent.port("silent"));
      // More than the victim reads, so that its death leaves something unread.
      program.write(Buffer.alloc(MIB, "x"));
      await target.process.waitForEvent((event) => event["event"] === "read");
      await untilUnread("local", target.port);
      const end = endOf(program);
      await target.process.kill("SIGKILL");
      assert.equal(await end, "reset");
      await until(async () =>
        /"code":"forward\.plain_reset"/.test(central.process.stderr) ? true : undefined,
      );

      const arrivals: Buffer[][] = [];
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        const heard: Buffer[] = [];
        arrivals.push(heard);
        socket.on("error", () => {}).on("data", (part: Buffer) => heard.push(part));
        socket.write(Buffer.alloc(MIB, "y"));
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      await allow(central, "hash", (server.address() as AddressInfo).port);
      const arrived = once(server, "connection") as Promise<[Socket]>;
      await using client = await launchVictim("program", agent.port("hash"));
      const [accepted] = await arrived;
      const cut = endOf(accepted);
      await client.process.waitForEvent((event) => event["event"] === "read");
      await untilUnread("remote", agent.port("hash"));
      await client.process.kill("SIGKILL");
      assert.equal(await cut, "reset");
      server.close();
      assert.equal(arrivals.length, 1);
      assert.equal(Buffer.concat(arrivals[0] ?? []).toString(), "said once");
      await until(async () =>
        /"code":"forward\.reset","why":"[^"]*forward\.plain_reset/.test(central.process.stderr)
          ? true
          : undefined,
      );
      const { forwards } = await statusOf(agent);
      assert.deepEqual(
        forwards.map(({ open, cut: cuts }) => [open, cuts]),
        [
          [0, 1],
          [0, 1],
        ],
      );
    }));

  it("F13: a peer that does not read for a while holds the sender back and costs no memory, at either end, and nothing is lost", () =>
    withEveryLevel(async (central) => {
      const saying = createServer({ allowHalfOpen: true }, (socket) => {
        socket.on("error", () => {});
        socket.end(LARGE);
      });
      const deaf = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
        socket.on("error", () => {});
      });
      for (const server of [saying, deaf]) {
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
      }
      const portOf = (server: typeof saying): number => (server.address() as AddressInfo).port;
      await allow(central, "hash", portOf(saying));
      await allow(central, "silent", portOf(deaf));
      await using agent = await launchForwarding(central, "mtls", NAMES);
      const before = [central.process, agent.process].map(residentOf);
      // The program is slow: what is said to it waits at its origin.
      const origin = once(saying, "connection") as Promise<[Socket]>;
      const slow = await dial(agent.port("hash"));
      await untilHeldBack((await origin)[0]);
      // The target is slow: what the program says waits at the program.
      const end = once(deaf, "connection") as Promise<[Socket]>;
      const saver = await dial(agent.port("silent"));
      saver.end(LARGE);
      const [target] = await end;
      await untilHeldBack(saver);
      for (const [index, held] of [central.process, agent.process].map(residentOf).entries()) {
        const grown = held - (before[index] ?? 0);
        assert.ok(
          grown < LARGE.length / 2,
          `${grown} bytes are held for a peer that does not read`,
        );
      }
      const digest = createHash("sha256").update(LARGE).digest("hex");
      assert.equal(await digestOf(slow), digest);
      slow.end();
      assert.equal(await digestOf(target), digest);
      target.end();
      await until(async () => ((await streamsOf(central)).length === 0 ? true : undefined));
      for (const server of [saying, deaf]) server.close();
    }));

  it("A15: what leads to central's own ports or a cloud's metadata is refused, and told at both ends", () =>
    withEveryLevel(async (central) => {
      const named = (name: string, target: string) =>
        central.call("POST", "/api/v1/forwards", { name, target });
      await assert.rejects(named("silent", "169.254.169.254:80"), /forward\.target_forbidden/);
      await named("hash", `127.0.0.1:${central.agentsPort}`);
      await named("silent", `localhost:${central.consolePort}`);
      await using agent = await launchForwarding(central, "mtls", NAMES);
      for (const name of NAMES) assert.equal(await endOf(await dial(agent.port(name))), "reset");
      const { forwards, errors } = await statusOf(agent);
      assert.deepEqual(
        forwards.map(({ refused }) => refused > 0),
        [true, true],
      );
      assert.ok(errors.some(({ code }) => code === "forward.refused"));
      for (const { stderr } of [agent.process, central.process]) {
        assert.match(stderr, /forward\.target_forbidden/);
      }
    }));

  it("OV-1: curl keeps its connection alive through a forward", () =>
    withEveryLevel(async (central) => {
      const web = createWeb();
      const { port } = await web;
      await allow(central, "silent", port);
      await using agent = await launchForwarding(central, "mtls", NAMES);
      (await dial(agent.port("silent"))).destroy();
      const url = `http://127.0.0.1:${agent.port("silent")}/`;
      await using curl = launchProcess({ command: "curl", args: ["-sS", "-v", url, url] });
      assert.equal((await curl.exited).code, 0, curl.stderr);
      assert.equal(curl.stdout, "hello\nhello\n");
      assert.match(curl.stderr, /Re-using existing connection|Reusing existing/);
      (await web).close();
    }));
});

/** A process that is there to be killed: it reads once, and then never more. */
async function launchVictim(
  kind: "target" | "program",
  port: number,
): Promise<AsyncDisposable & { readonly process: LaunchedProcess; readonly port: number }> {
  const process = launchProcess({
    command: globalThis.process.execPath,
    args: ["-e", VICTIM, kind, String(port)],
    keepInputOpen: true,
  });
  const ready = await process.waitForEvent((event) => event["event"] === "ready");
  return {
    process,
    port: Number(ready["port"]),
    [Symbol.asyncDispose]: async () => void (await process.kill("SIGKILL")),
  };
}

const VICTIM = `
  const net = require("node:net");
  const [kind, port] = process.argv.slice(1);
  const tell = (event, more) => console.log(JSON.stringify({ event, ...more }));
  setInterval(() => {}, 2 ** 30); // A socket that is not read keeps no process alive.
  const suffer = (socket) => socket.once("data", () => { socket.pause(); tell("read"); });
  if (kind === "target") {
    const server = net.createServer(suffer);
    server.listen(0, "127.0.0.1", () => tell("ready", { port: server.address().port }));
  } else {
    const socket = net.connect(Number(port), "127.0.0.1", () => tell("ready", { port: 0 }));
    socket.write("said once");
    suffer(socket);
  }
`;

/**
 * Waits until a connection of this host holds bytes that its program has not read: only then does the system answer the program's death
 * with a reset; without them it is an end like any other.
 */
async function untilUnread(end: "local" | "remote", port: number): Promise<void> {
  const place = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const column = end === "local" ? 1 : 2;
  await until(async () => {
    const rows = readFileSync("/proc/net/tcp", "utf8").trim().split("\n").slice(1);
    const isUnread = rows.some((row) => {
      const fields = row.trim().split(/\s+/);
      const [, unread = "0"] = fields[4]?.split(":") ?? [];
      return (
        fields[3] === ESTABLISHED &&
        fields[column]?.endsWith(place) &&
        Number.parseInt(unread, 16) > 0
      );
    });
    return isUnread ? true : undefined;
  });
}

/** Linux, include/net/tcp_states.h. */
const ESTABLISHED = "01";

function residentOf({ pid }: LaunchedProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Waits until a sender gets nothing more out, in so many looks one after the other. */
async function untilHeldBack(sender: Socket): Promise<void> {
  let [last, looks] = [-1, 0];
  await until(async () => {
    const out = sender.bytesWritten - sender.writableLength;
    looks = out === last ? looks + 1 : 0;
    last = out;
    return looks >= 20 ? true : undefined;
  });
}

async function digestOf(socket: Socket): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of socket) hash.update(part as Buffer);
  return hash.digest("hex");
}

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

async function textOf(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}
