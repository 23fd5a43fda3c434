import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createLog, parseConfig } from "@tautline/daemon";
import { type ErrorCode, isTautlineError, type TautlineError } from "@tautline/protocol";
import { createOpensslPki, type OpensslCertificate, withTempFolder } from "@tautline/testing";
import {
  type Backend,
  messageOf,
  programAt,
  startBackend,
  untilThere,
} from "../../test/edge-scene.ts";
import { systemClock } from "../clock.ts";
import { agentConfigSchema } from "../config.ts";
import { dataFolder } from "../data-folder.ts";
import type { AgentStatus } from "../status/agent-status.ts";
import { readStatus } from "../status/status-reader.ts";
import { isEdgeAlone, runEdgeAlone } from "./edge-alone.ts";
import { EDGE_VARIABLES } from "./edge-environment.ts";

const COLLECT = "/skywalking.v3.TraceSegmentReportService/collect";
type Given = Partial<Record<keyof typeof EDGE_VARIABLES, string>>;

interface Pki {
  readonly folder: string;
  readonly ca: OpensslCertificate;
  readonly server: OpensslCertificate;
  readonly client: OpensslCertificate;
  readonly stranger: OpensslCertificate;
}

function makePki(folder: string): Pki {
  const pki = createOpensslPki(folder);
  const authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"];
  const ca = pki.issue({ name: "ca", extensions: authority });
  const other = pki.issue({ name: "other", extensions: authority });
  const names = ["subjectAltName=IP:127.0.0.1", "extendedKeyUsage=serverAuth"];
  const server = pki.issue({ name: "server", issuer: ca, extensions: names });
  const use = ["extendedKeyUsage=clientAuth"];
  const client = pki.issue({ name: "client", issuer: ca, extensions: use });
  return { folder, ca, server, client, stranger: other };
}

/** A receiver that is not ours, with server TLS or mutual TLS. */
function startReceiver({ ca, server }: Pki, isMutual: boolean): Promise<Backend> {
  return startBackend(0, {
    cert: server.certificatePem,
    key: server.keyPem,
    ca: ca.certificatePem,
    requestCert: isMutual,
    rejectUnauthorized: isMutual,
  });
}

async function portOfNobody(): Promise<number> {
  await using gone = await startBackend();
  return gone.port;
}

const YAML = `edge: { listen: "127.0.0.1:0" }`;

function worldOf(data: string, given: Given, yaml: string, problems: TautlineError[]) {
  const folder = dataFolder(data);
  const config = parseConfig("agent", folder.config, yaml, agentConfigSchema);
  const variables = new Map<string, string>(
    Object.entries(given).map(([name, text]) => [EDGE_VARIABLES[name as keyof Given], text]),
  );
  return {
    folder,
    config,
    log: createLog("agent", "error", { write: () => {} }),
    clock: systemClock,
    random: () => 0,
    readVariable: (name: string) => variables.get(name),
    host: {
      hostName: "test-host",
      osType: "linux",
      startedAtMs: 0,
      upgrade: config.upgrade,
      instructions: [],
    },
    onProblem: (error: TautlineError) => void problems.push(error),
  };
}

/** Runs an edge alone while the test uses it. */
async function withAlone(
  data: string,
  given: Given,
  use: (address: number, status: () => Promise<AgentStatus>) => Promise<void>,
  yaml = YAML,
): Promise<void> {
  const stopping = new AbortController();
  const world = worldOf(data, given, yaml, []);
  assert.equal(isEdgeAlone(world), true);
  const ended = runEdgeAlone(world, stopping.signal);
  ended.catch(() => {});
  const status = (): Promise<AgentStatus> => readStatus(world.folder);
  const listening = (): Promise<number> =>
    untilThere(async () => {
      const { edge } = await status().catch(() => ({ edge: null }));
      return edge?.listening === true ? Number(edge.listen.split(":")[1]) : undefined;
    });
  const ending = ended.then(() => assert.fail("it ended"));
  try {
    await use(await Promise.race([listening(), ending]), status);
  } finally {
    stopping.abort();
    await ended;
  }
}

test("SW-7, SW-8: without a join and told by the environment alone, calls go over mutual TLS to a receiver that is not ours", () =>
  withTempFolder(async (path) => {
    const pki = makePki(path);
    await using receiver = await startReceiver(pki, true);
    const given = {
      services: `127.0.0.1:${receiver.port}`,
      ca: pki.ca.certificateFile,
      certificate: pki.client.certificateFile,
      key: pki.client.keyFile,
    };
    await withAlone(join(path, "agent"), given, async (port, status) => {
      await using program = programAt(port);
      assert.equal((await program.call(COLLECT, messageOf("a"))).grpc, "0");
      assert.equal(receiver.received[0]?.headers[":scheme"], "https");
      const { state, edge, id, running } = await status();
      assert.deepEqual([state, id, running, edge?.kept], ["edge", "", true, 0]);
      const [place] = edge?.onward ?? [];
      assert.deepEqual([place?.name, place?.state], [given.services, "ready"]);
    });
  }));

test("SW-5: an authority that lies in the data folder switches TLS on by itself, and a second receiver is tried where the first is away", () =>
  withTempFolder(async (path) => {
    const pki = makePki(path);
    await using receiver = await startReceiver(pki, false);
    const first = await portOfNobody();
    const data = join(path, "agent");
    mkdirSync(join(data, "ca"), { recursive: true, mode: 0o700 });
    copyFileSync(pki.ca.certificateFile, join(data, "ca", "ca.crt"));
    const services = `127.0.0.1:${first}, 127.0.0.1:${receiver.port}`;
    await withAlone(data, { services }, async (port, status) => {
      await using program = programAt(port);
      assert.equal((await program.call(COLLECT, messageOf("a"))).grpc, "0");
      assert.equal(receiver.received.length, 1);
      const { edge } = await status();
      assert.deepEqual(
        edge?.onward.map(({ state }) => state),
        ["out", "ready"],
      );
      assert.match(edge?.onward[0]?.error ?? "", /nothing listens there/);
    });
  }));

test("A24: a receiver that another authority certifies gets nothing; the calls are kept, and the status says why and what to do", () =>
  withTempFolder(async (path) => {
    const pki = makePki(path);
    await using receiver = await startReceiver(pki, false);
    const services = `127.0.0.1:${receiver.port}`;
    const given = { services, ca: pki.stranger.certificateFile };
    await withAlone(join(path, "agent"), given, async (port, status) => {
      await using program = programAt(port);
      assert.equal((await program.call(COLLECT, messageOf("a"))).grpc, "0");
      const { edge } = await status();
      assert.deepEqual([edge?.kept, edge?.store.calls, receiver.received], [1, 1, []]);
      assert.match(edge?.onward[0]?.error ?? "", /not proven|does not|trusted/);
    });
  }));

test("in plaintext only where agent.yaml says that it is meant", () =>
  withTempFolder(async (path) => {
    await using receiver = await startBackend();
    const services = `127.0.0.1:${receiver.port}`;
    const yaml = `edge: { listen: "127.0.0.1:0", plaintext: true }`;
    const use = async (port: number): Promise<void> => {
      await using program = programAt(port);
      assert.equal((await program.call(COLLECT, messageOf("a"))).grpc, "0");
      assert.equal(receiver.received[0]?.headers[":scheme"], "http");
    };
    await withAlone(join(path, "agent"), { services }, use, yaml);
  }));

test("the edge listens at a Unix socket in the data folder, with its mode, whatever name programs call it by", () =>
  withTempFolder(async (path) => {
    await using receiver = await startBackend();
    const data = join(path, "agent");
    const yaml = `edge: { listen: "unix:edge.sock", mode: "0660", plaintext: true }`;
    const use = async (): Promise<void> => {
      const socket = join(data, "edge.sock");
      assert.equal(statSync(socket).mode & 0o777, 0o660);
      await using program = programAt(socket);
      assert.equal((await program.call(COLLECT, messageOf("a"))).grpc, "0");
    };
    await withAlone(data, { services: `127.0.0.1:${receiver.port}` }, use, yaml);
  }));

async function refusal(given: (pki: Pki) => Given, yaml = YAML): Promise<TautlineError> {
  const found: unknown[] = [];
  await withTempFolder(async (path) => {
    const world = worldOf(join(path, "agent"), given(makePki(path)), yaml, []);
    const never = new AbortController().signal;
    await runEdgeAlone(world, never).catch((error: unknown) => found.push(error));
  });
  const [error] = found;
  assert.ok(isTautlineError(error));
  return error;
}

const services = "127.0.0.1:1";
for (const [title, given, code, named] of [
  ["nothing to verify by", () => ({ services }), "agent.edge_unsecured", /SERVICES/],
  [
    "an authority's file that is not there",
    () => ({ services, ca: "/none/ca.crt" }),
    "files.missing",
    /\/none\/ca\.crt/,
  ],
  [
    "a relative file that is not in the data folder",
    () => ({ services, ca: "own/ca.crt" }),
    "files.missing",
    /agent\/own\/ca\.crt/,
  ],
  [
    "a key's file that is not there",
    ({ ca, client }) => ({
      services,
      ca: ca.certificateFile,
      certificate: client.certificateFile,
      key: "/none/key",
    }),
    "files.missing",
    /\/none\/key/,
  ],
  [
    "a certificate and the key of another",
    ({ ca, client, server }) => ({
      services,
      ca: ca.certificateFile,
      certificate: client.certificateFile,
      key: server.keyFile,
    }),
    "files.pair_mismatch",
    /server\.key/,
  ],
  [
    "half a pair",
    ({ client }) => ({ services, key: client.keyFile }),
    "agent.edge_variable",
    /SW_AGENT_SSL_KEY_PATH/,
  ],
  [
    "a pair, and nothing to verify by",
    ({ client }) => ({ services, certificate: client.certificateFile, key: client.keyFile }),
    "files.missing",
    /ca\.crt/,
  ],
] as const satisfies readonly (readonly [string, (pki: Pki) => Given, ErrorCode, RegExp])[]) {
  test(`SWP-1: ${title}: it refuses to start and names what is missing`, async () => {
    const error = await refusal(given);
    assert.equal(error.code, code);
    assert.match(error.message, named);
  });
}

test("an edge that is named to itself refuses to start, as the variable is the programs' own", async () => {
  const yaml = `edge: { listen: "127.0.0.1:11800", plaintext: true }`;
  const error = await refusal(() => ({ services: "localhost:11800" }), yaml);
  assert.equal(error.code, "agent.edge_loop");
});

test("without an edge in agent.yaml the variables are the programs' own affair", () =>
  withTempFolder(async (path) => {
    const given = { services, key: "half" };
    assert.equal(isEdgeAlone(worldOf(path, given, "", [])), false);
    assert.equal(isEdgeAlone(worldOf(path, {}, YAML, [])), false);
    const both = `${YAML}\ncentral: { addresses: ["c:1"] }`;
    assert.equal(isEdgeAlone(worldOf(path, { services }, both, [])), false);
  }));
