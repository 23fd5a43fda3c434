import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { describe, it } from "node:test";
import { createJoint, ForwardChannel, peerReasonCode } from "@tautline/link";
import { type ErrorCode, isTautlineError, TautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { createForwardCounters, type ForwardCounters } from "../forwards/forward-counters.ts";
import { serveService, type ListedService } from "./service-stream.ts";

const SETTINGS = {
  alsoLocal: false,
  idleTimeout: 600_000,
  totalTimeout: 600_000,
  maxStreams: 1,
};

interface Scene {
  /** Central's end of one more link. */
  readonly link: () => ForwardChannel;
  readonly counters: ForwardCounters;
  readonly problems: TautlineError[];
  readonly opened: string[];
  readonly cutting: AbortController;
}

const made = (secured: Duplex, role: "opener" | "accepter"): ForwardChannel =>
  new ForwardChannel({ secured, head: Buffer.alloc(0), role, address: "there", now: () => 0 });

/** An agent whose one service is `echo`. */
function scene(to: string, dataFolder = "/nowhere"): Scene {
  const counters = createForwardCounters();
  const services = new Map<string, ListedService>([
    ["echo", { settings: { ...SETTINGS, to }, counters }],
  ]);
  const problems: TautlineError[] = [];
  const opened: string[] = [];
  const cutting = new AbortController();
  const options = {
    services,
    dataFolder,
    signal: cutting.signal,
    onProblem: (error: TautlineError) => problems.push(error),
    onOpened: (service: string, operator: string) => opened.push(`${service} by ${operator}`),
  };
  const link = (): ForwardChannel => {
    const [near, far] = createJoint();
    const agent = made(far, "accepter");
    agent.onOpen((opening) => void serveService(agent, opening, options));
    return made(near, "opener");
  };
  return { link, counters, problems, opened, cutting };
}

async function listening(server: Server, at: { port: number; host: string } | { path: string }) {
  server.listen(at);
  await once(server, "listening");
  return server;
}

const echo = (): Server =>
  createServer({ allowHalfOpen: true }, (socket) => void socket.on("error", () => {}).pipe(socket));

async function refusalOf(channel: ForwardChannel, forward: string): Promise<ErrorCode | undefined> {
  const refusal: unknown = await channel.open({ forward }).catch((error: unknown) => error);
  assert.ok(isTautlineError(refusal), "it was opened");
  return peerReasonCode(refusal);
}

async function sayAndHear(channel: ForwardChannel, text: string): Promise<string> {
  await channel.open({ forward: "echo", operator: "ana" });
  const [program, plain] = createJoint();
  const end = channel.carry(plain);
  program.end(text);
  let heard = "";
  program.on("data", (part: Buffer) => (heard += part.toString("utf8")));
  await once(program, "end");
  assert.equal((await end).verdict, "clean");
  return heard;
}

describe("a stream to a service of this host", () => {
  it("goes to the address that is listed, one after the other, and says who came", async () => {
    const server = await listening(echo(), { port: 0, host: "127.0.0.1" });
    const { port } = server.address() as AddressInfo;
    const { link, counters, opened, problems } = scene(`127.0.0.1:${port}`);
    const channel = link();
    for (const text of ["first", "second"]) assert.equal(await sayAndHear(channel, text), text);
    assert.deepEqual(opened, ["echo by ana", "echo by ana"]);
    const { total, refused, cut, sentBytes, receivedBytes } = counters;
    assert.deepEqual([total, refused, cut, sentBytes, receivedBytes], [2, 0, 0, 11, 11]);
    assert.deepEqual(problems, []);
    server.close();
  });

  it("goes to a Unix socket, whose path is relative to the data folder", () =>
    withTempFolder(async (folder) => {
      const server = await listening(echo(), { path: join(folder, "own.sock") });
      assert.equal(await sayAndHear(scene("unix:own.sock", folder).link(), "text"), "text");
      server.close();
    }));

  it("is refused where the service is not listed, whatever central says, and the link goes on", async () => {
    const { link, problems } = scene("127.0.0.1:1");
    const channel = link();
    assert.equal(await refusalOf(channel, "other"), "agent.service_unknown");
    assert.equal(channel.state, "idle");
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["agent.service_unknown"],
    );
  });

  it("is refused with the system's reason where nothing is there", () =>
    withTempFolder(async (folder) => {
      const closed = await listening(createServer(), { port: 0, host: "127.0.0.1" });
      const { port } = closed.address() as AddressInfo;
      closed.close();
      await once(closed, "close");
      for (const to of [`127.0.0.1:${port}`, "unix:none.sock", `unix:${"x".repeat(200)}`]) {
        const { link, counters, problems } = scene(to, folder);
        assert.equal(await refusalOf(link(), "echo"), "agent.service_unreachable", to);
        assert.deepEqual([counters.open, counters.refused], [0, 1]);
        assert.match(problems[0]?.message ?? "", /ECONNREFUSED|ENOENT|too long/);
      }
    }));

  it("is refused beyond the service's limit, and reset with the reason when the agent stops", async () => {
    const server = await listening(echo(), { port: 0, host: "127.0.0.1" });
    const { port } = server.address() as AddressInfo;
    const { link, counters, cutting, problems } = scene(`127.0.0.1:${port}`);
    const first = link();
    await first.open({ forward: "echo" });
    const [program, plain] = createJoint();
    program.on("error", () => {});
    const end = first.carry(plain);
    assert.equal(await refusalOf(link(), "echo"), "agent.service_full");
    assert.deepEqual([counters.open, counters.total, counters.refused], [1, 2, 1]);
    cutting.abort(new TautlineError("agent.forward_stopping", { detail: { forward: "echo" } }));
    const { error } = await end;
    assert.ok(error);
    assert.equal(peerReasonCode(error), "agent.forward_stopping");
    assert.deepEqual([counters.open, counters.cut], [0, 1]);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["agent.service_full"],
    );
    server.close();
  });
});
