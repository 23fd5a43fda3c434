import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { TLSSocket } from "node:tls";
import {
  type Carrier,
  createCarrier,
  createUpstreams,
  evidenceOf,
  RECEIVER_PATH,
} from "@tautline/link";
import { parseSpiffeId } from "@tautline/protocol";
import { startStandInCentral, withTempFolder } from "@tautline/testing";
import { messageOf, programAt, startBackend, untilThere } from "../../test/edge-scene.ts";
import { makeTestAgent, type TestAgent } from "../../test/running-agent.ts";
import { readStatus } from "../status/status-reader.ts";
import type { EdgeStatus } from "./edge-status.ts";

const COLLECT = "/skywalking.v3.TraceSegmentReportService/collect";
/** Sealed by a vault whose key is gone: its proof opens by no other. */
const STATE_OF_ANOTHER = JSON.stringify({
  format: 1,
  cursor: 0,
  losses: [],
  proof: Buffer.alloc(64, 1).toString("base64url"),
});
const YAML = `edge: { listen: "127.0.0.1:0" }`;

const edgeWhen = (
  { folder }: TestAgent,
  isSo: (edge: EdgeStatus) => boolean,
): Promise<EdgeStatus> =>
  untilThere(async () => {
    const { edge } = await readStatus(folder);
    return edge !== null && isSo(edge) ? edge : undefined;
  });

const now = (): number => performance.now();

/** Takes calls behind the upgrade and carries them to a backend, as central does. */
function carryingTo(port: number): Carrier<undefined> {
  const connect = async (signal: AbortSignal): Promise<Socket> => {
    const socket = connectTcp({ port, host: "127.0.0.1" });
    await once(socket, "connect", { signal });
    return socket;
  };
  const place = { name: "backend", authority: "backend", scheme: "http", connect } as const;
  const to = createUpstreams({ places: [place], protocol: "h2", now, random: Math.random });
  return createCarrier({ judge: () => ({ to }), now });
}

const SWITCHING =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tautline-receiver\r\n\r\n";
const portOf = ({ listen }: EdgeStatus): number => Number(listen.split(":")[1]);

test("SWP-8: a joined agent's edge carries over a link of its own mtls", () =>
  withTempFolder(async (path) => {
    const central = await startStandInCentral();
    await using backend = await startBackend();
    const carrier = carryingTo(backend.port);
    const levels: unknown[] = [];
    central.behaviour.takeUpgrade = (request, socket) => {
      if (request.url !== RECEIVER_PATH) return false;
      const evidence = socket instanceof TLSSocket ? evidenceOf(socket) : undefined;
      const who = parseSpiffeId(evidence?.peerId ?? "");
      levels.push([evidence?.level, who.kind === "agent" && who.agentId]);
      socket.write(SWITCHING);
      carrier.serve(socket, undefined);
      return true;
    };
    const subject = makeTestAgent(join(path, "agent"), { yaml: YAML });
    const { agentId } = await subject.join(central.makeToken());
    assert.equal((await readStatus(subject.folder)).edge, null);
    const running = subject.start();
    const edge = await edgeWhen(
      subject,
      ({ listening, onward }) => listening && onward[0]?.state === "ready",
    );
    await using program = programAt(portOf(edge));
    assert.equal((await program.call(COLLECT, messageOf("a"))).grpc, "0");
    assert.deepEqual(levels, [["mtls", agentId]]);
    await running.stop();
    await carrier.stop(0);
    await central.close();
  }));

test("an agent whose edge central refuses keeps what comes, and its status says why and what to do", () =>
  withTempFolder(async (path) => {
    const central = await startStandInCentral();
    central.behaviour.takeUpgrade = (request, socket) => {
      if (request.url !== RECEIVER_PATH) return false;
      socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
      return true;
    };
    const subject = makeTestAgent(join(path, "agent"), { yaml: YAML });
    await subject.join(central.makeToken());
    const running = subject.start();
    const edge = await edgeWhen(
      subject,
      ({ listening, onward }) => listening && onward[0]?.state === "out",
    );
    assert.match(edge.onward[0]?.error ?? "", /404/);
    await using program = programAt(portOf(edge));
    assert.equal((await program.call(COLLECT, messageOf("a"))).grpc, "0");
    assert.equal((await edgeWhen(subject, () => true)).store.calls, 1);
    await running.stop();
    await central.close();
  }));

test("SWP-1: a joined agent with half a pair in its environment refuses to start", () =>
  withTempFolder(async (path) => {
    const central = await startStandInCentral();
    const variables = { SW_AGENT_COLLECTOR_BACKEND_SERVICES: "oap:1", SW_AGENT_SSL_KEY_PATH: "k" };
    const subject = makeTestAgent(join(path, "agent"), { yaml: YAML, variables });
    await subject.join(central.makeToken());
    await assert.rejects(subject.start().ended, { code: "agent.edge_variable" });
    await central.close();
  }));

/** A joined agent with a call in its store, stopped in order; nobody takes calls. */
async function agentWithKeptCall(
  path: string,
  central: Awaited<ReturnType<typeof startStandInCentral>>,
): Promise<{ readonly subject: TestAgent; readonly store: string }> {
  central.behaviour.takeUpgrade = (request, socket) => {
    if (request.url !== RECEIVER_PATH) return false;
    socket.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    return true;
  };
  const subject = makeTestAgent(join(path, "agent"), { yaml: YAML });
  await subject.join(central.makeToken());
  const running = subject.start();
  const edge = await edgeWhen(subject, ({ listening }) => listening);
  {
    await using program = programAt(portOf(edge));
    assert.equal((await program.call(COLLECT, messageOf("a"))).grpc, "0");
  }
  await running.stop();
  return { subject, store: join(path, "agent", "edge") };
}

test("one file of kept telemetry that cannot be read sets itself aside: the agent is linked, its edge listens, and the loss is counted and told", () =>
  withTempFolder(async (path) => {
    const central = await startStandInCentral();
    const { subject, store } = await agentWithKeptCall(path, central);
    const name = readdirSync(store).find((each) => each.endsWith(".kept")) ?? "";
    // Open to others, it is not read.
    chmodSync(join(store, name), 0o644);
    const running = subject.start();
    const edge = await edgeWhen(subject, ({ listening }) => listening);
    assert.deepEqual(edge.store.losses, [{ client: "unknown", reason: "unreadable", calls: 1 }]);
    assert.equal(edge.store.aside, 1);
    const { errors } = await readStatus(subject.folder);
    assert.ok(errors.some(({ code }) => code === "agent.edge_segment_unreadable"));
    await running.stop();
    await central.close();
  }));

for (const [what, spoil] of [
  ["whose state is no file", (store: string) => mkdirSync(join(store, "state.json"))],
  [
    "that another vault sealed",
    (store: string) => writeFileSync(join(store, "state.json"), STATE_OF_ANOTHER, { mode: 0o600 }),
  ],
] as const) {
  test(`a store ${what}: the edge does not listen and says why, and the agent stays linked`, () =>
    withTempFolder(async (path) => {
      const central = await startStandInCentral();
      const subject = makeTestAgent(join(path, "agent"), { yaml: YAML });
      await subject.join(central.makeToken());
      const store = join(path, "agent", "edge");
      mkdirSync(store, { mode: 0o700 });
      spoil(store);
      const running = subject.start();
      const { central: link, edge } = await untilThere(async () => {
        const status = await readStatus(subject.folder);
        return status.central.connected && status.edge?.trouble ? status : undefined;
      });
      assert.equal(link.connected, true);
      assert.equal(edge?.listening, false);
      assert.match(edge?.trouble?.code ?? "", /^(vault\.file_unsafe|agent\.edge_store_foreign)$/);
      await running.stop();
      await central.close();
    }));
}
