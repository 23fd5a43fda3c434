import assert from "node:assert/strict";
import { createHash, type Hash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { launchProcess, withTempFolder } from "@tautline/testing";
import { describeCentral, launchCentral, type RunningCentral } from "../running-central.ts";
import {
  allow,
  dial,
  endOf,
  type Forwarding,
  launchForwarding,
  statusOf,
  streamsOf,
  untilListening,
} from "../running-forwards.ts";
import { until } from "../until.ts";
import { withEveryLevel } from "./every-level.ts";
import { launchPeer } from "./talking-peers.ts";
import { makeOtherHost, type OtherHost } from "./two-networks.ts";

/** Says what it is told, and how its connections end. */
const TARGET = `
  const net = require("node:net");
  const tell = (event, more) => console.log(JSON.stringify({ event, ...more }));
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", (error) => tell("reset", { code: error.code }));
    socket.on("end", () => tell("ended"));
    socket.on("data", (part) => socket.write(part));
  });
  server.listen(0, "127.0.0.1", () => tell("ready", { port: server.address().port }));
`;

/** Of a stream over which nothing goes: only the end that is cut off has been talking. */
const IDLE_MS = 2_000;

const PART_BYTES = 256 * 1024;
const STUCK_LOOKS = 20;

describe(
  "a network that swallows everything, and daemons that stand still",
  { concurrency: 5 },
  () => {
    it("F4: between agent and central it ends streams with a reason at both ends, whether something is under way or not, and a part is never taken for the whole", (t) =>
      withOtherHost(t, partition));

    it("F4: between central and the target it ends the stream as idle at both ends, and the target is reset once it is heard again", (t) =>
      withOtherHost(t, (host) =>
        withEveryLevel(async (central) => {
          const { address, words: within } = host;
          await using target = await launchPeer("target", address, { within });
          await allow(central, "talk", target.port, { host: address, idleMs: IDLE_MS });
          await using agent = await launchForwarding(central, "mtls", ["talk"]);
          await untilListening(agent);
          const program = await dial(agent.port("talk"));
          await once(program, "data");
          const end = endOf(program);
          host.cut();
          assert.equal(await end, "reset");
          await untilToldByBoth(central, agent, "idle");
          host.mend();
          assert.equal(await target.end(), "reset");
        }),
      ));

    it("F4: between the program and its agent it ends the stream as idle at both ends, and the program is reset once it is heard again", (t) =>
      withOtherHost(t, (host) =>
        withEveryLevel(async (central) => {
          await using target = await launchPeer("target", "127.0.0.1", { isQuiet: true });
          await allow(central, "talk", target.port);
          const each = `open: true, idleTimeout: ${IDLE_MS / 1_000}s`;
          const change = { listen: host.here, each };
          await using agent = await launchForwarding(central, "mtls", ["talk"], change);
          await untilListening(agent);
          const where = { port: agent.port("talk"), within: host.words };
          await using program = await launchPeer("program", host.here, where);
          await target.heard();
          host.cut();
          assert.equal(await target.end(), "reset");
          await untilToldByBoth(central, agent, "idle");
          host.mend();
          assert.equal(await program.end(), "reset");
        }),
      ));

    for (const who of ["agent", "central"] as const) {
      it(`F4: ${who === "agent" ? "an agent" : "a central"} that stands still is taken for gone by the other end, and when it goes on its own side of the stream is reset too`, () =>
        withEveryLevel(async (central) => {
          await using target = await launchPeer("target", "127.0.0.1");
          await allow(central, "talk", target.port);
          await using agent = await launchForwarding(central, "mtls", ["talk"]);
          await untilListening(agent);
          const where = { port: agent.port("talk") };
          await using program = await launchPeer("program", "127.0.0.1", where);
          await Promise.all([program.heard(), target.heard()]);
          const [still, living] =
            who === "agent" ? [agent.process, target] : [central.process, program];
          const other = who === "agent" ? program : target;
          process.kill(still.pid ?? 0, "SIGSTOP");
          try {
            assert.equal(await living.end(), "reset");
            const told = who === "agent" ? central.process : agent.process;
            await until(async () =>
              /"code":"forward\.silent"/.test(told.stderr) ? true : undefined,
            );
          } finally {
            process.kill(still.pid ?? 0, "SIGCONT");
          }
          assert.equal(await other.end(), "reset");
          const reasons = /forward\.(?:silent|cut|reset)/;
          await until(async () => (reasons.test(still.stderr) ? true : undefined));
          await until(async () => ((await streamsOf(central)).length === 0 ? true : undefined));
        }));
    }

    it("F13: an agent and a central that stand still for a while hold the sender back, and nothing is lost or said twice", () =>
      withEveryLevel(async (central) => {
        const server = createServer((socket) => socket.on("error", () => {}));
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        await allow(central, "talk", (server.address() as AddressInfo).port);
        await using agent = await launchForwarding(central, "mtls", ["talk"]);
        await untilListening(agent);
        const arrival = once(server, "connection") as Promise<[Socket]>;
        const program = await dial(agent.port("talk"));
        const [target] = await arrival;
        const heard = createHash("sha256");
        target.on("data", (part: Buffer) => heard.update(part));
        const [said, halts] = [createHash("sha256"), [agent.process, central.process]];
        for (const { pid = 0 } of halts) {
          process.kill(pid, "SIGSTOP");
          try {
            await fill(program, said);
          } finally {
            process.kill(pid, "SIGCONT");
          }
        }
        const [end] = [once(target, "end"), program.end()];
        await end;
        assert.equal(heard.digest("hex"), said.digest("hex"));
        target.end();
        await until(async () => ((await streamsOf(central)).length === 0 ? true : undefined));
        const [counted] = (await statusOf(agent)).forwards;
        assert.deepEqual([counted?.sentBytes, counted?.cut], [target.bytesRead, 0]);
        server.close();
      }));
  },
);

/** Says more and more until nothing of it goes out, in so many looks one after the other. */
async function fill(program: Socket, said: Hash): Promise<void> {
  let stuck = 0;
  await until(async () => {
    stuck = program.writableNeedDrain ? stuck + 1 : 0;
    while (!program.writableNeedDrain) {
      const part = randomBytes(PART_BYTES);
      said.update(part);
      program.write(part);
    }
    return stuck >= STUCK_LOOKS ? true : undefined;
  });
}

async function withOtherHost(
  t: TestContext,
  use: (host: OtherHost) => Promise<void>,
): Promise<void> {
  const other = makeOtherHost();
  if (typeof other === "string") return t.skip(other);
  using host = other;
  await use(host);
}

/** Central's log and the agent's status have the reason, by whichever end it was found. */
async function untilToldByBoth(
  central: RunningCentral,
  agent: Forwarding,
  reason: "idle",
): Promise<void> {
  const code = new RegExp(`forward\\.${reason}`);
  await until(async () => (code.test(central.process.stderr) ? true : undefined));
  await until(async () => {
    const { forwards, errors } = await statusOf(agent);
    const isTold = errors.some((error) => code.test(JSON.stringify(error)));
    return isTold && forwards[0]?.open === 0 && forwards[0].cut === 1 ? true : undefined;
  });
  assert.deepEqual(await streamsOf(central), []);
}

function partition(host: OtherHost): Promise<void> {
  return withTempFolder((folder) => partitionWithin(host, folder));
}

async function partitionWithin(host: OtherHost, folder: string): Promise<void> {
  const dataDir = join(folder, "central");
  const where = { host: host.address, within: host.words };
  await using process = launchCentral(dataDir, undefined, where);
  const central = await describeCentral(process, dataDir, folder);
  const [command, ...words] = host.words;
  const args = [...words, globalThis.process.execPath, "-e", TARGET];
  await using target = launchProcess({ command, args });
  const { port } = await target.waitForEvent(({ event }) => event === "ready");
  await allow(central, "echo", Number(port));
  await using agent = await launchForwarding(central, "mtls", ["echo"], { host: host.address });
  const programs = [await dial(agent.port("echo")), await dial(agent.port("echo"))];
  for (const program of programs) {
    const answered = new Promise((resolve) => program.once("data", resolve));
    program.write("hello");
    await answered;
  }
  assert.equal((await streamsOf(central)).length, 2);

  host.cut();
  const ends = programs.map(endOf);
  // One of the two has something under way, which the system would send again for a quarter of an hour.
  programs[0]?.write("swallowed");
  assert.deepEqual(await Promise.all(ends), ["reset", "reset"]);
  for (const _ of programs) {
    const { event, code } = await target.waitForEvent((told) => told["event"] !== "ready");
    assert.deepEqual([event, code], ["reset", "ECONNRESET"]);
  }
  await until(async () => ((await streamsOf(central)).length === 0 ? true : undefined));
  assert.match(process.stderr, /"code":"forward\.silent"/);
  const { forwards, errors } = await statusOf(agent);
  assert.deepEqual([forwards[0]?.open, forwards[0]?.cut], [0, 2]);
  assert.ok(errors.some(({ code }) => code === "forward.silent"));
}
