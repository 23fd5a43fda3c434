import assert from "node:assert/strict";
import { EventEmitter, on } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { joinAgent, readAgentStatus, runAgent, type AgentStatus } from "@tautline/agent/main";
import { createTlsAcceptor } from "@tautline/link";
import { decodeInstructionReceipt } from "@tautline/protocol";
import {
  listenOnAnyPort,
  startStandInCentral,
  withTempFolder,
  type TestAuthority,
} from "@tautline/testing";

/** A message as the mock server decoded it with its own generated code; as far as we look into it. */
interface Heard {
  readonly sequenceNum: bigint;
  readonly capabilities: bigint;
  readonly agentDescription?: unknown;
  readonly agentDisconnect?: unknown;
  readonly customMessage?: { readonly type: string; readonly data: Uint8Array };
  readonly remoteConfigStatus?: { readonly status: number };
}

/** The part of the package's interface that we use; it ships no types. */
interface MockServer {
  readonly endpoint: string;
  start(): Promise<void>;
  close(): Promise<void>;
  testGetRequests(): readonly {
    readonly a2s?: Heard;
    readonly req: { headers: NodeJS.Dict<string> };
  }[];
}

const { MockOpAMPServer } = createRequire(import.meta.url)("@elastic/mockopampserver") as {
  MockOpAMPServer: new (options: Readonly<Record<string, unknown>>) => MockServer;
};

interface Scene {
  readonly mock: MockServer;
  readonly data: string;
  /** Resolves once the mock server has answered that many requests. */
  readonly answers: (count: number) => Promise<void>;
  /** Lines the agent printed. */
  readonly printed: readonly string[];
  readonly stop: () => Promise<void>;
}

/** An agent that joined a stand-in and then finds an independent OpAMP server behind central's certificate. */
async function withAgentAtMock(
  options: Readonly<Record<string, unknown>>,
  use: (scene: Scene) => Promise<void>,
): Promise<void> {
  await withTempFolder(async (folder) => {
    const data = join(folder, "agent");
    const central = await startStandInCentral();
    const printed: string[] = [];
    const stdout = (line: string): void => void printed.push(line);
    await joinAgent(
      { token: central.makeToken(), data },
      { stdout, signal: new AbortController().signal },
    );
    await central.close();

    const mock = new MockOpAMPServer({
      hostname: "127.0.0.1",
      port: 0,
      testMode: true,
      logLevel: "fatal",
      ...options,
    });
    await mock.start();
    const front = await startFront(central.authority, new URL(mock.endpoint));
    const yaml = `central: { addresses: ["127.0.0.1:${front.port}"], transport: polling, pollingInterval: 1s }\n`;
    writeFileSync(join(data, "agent.yaml"), yaml);
    const stopping = new AbortController();
    const ended = runAgent({ data, json: true }, { stdout, signal: stopping.signal });
    const stop = async (): Promise<void> => {
      stopping.abort();
      await ended;
    };
    try {
      await use({ mock, data, answers: (count) => front.answers(count), printed, stop });
    } finally {
      await stop();
      await front.close();
      await mock.close();
    }
  });
}

/** TLS with central's certificate in front of the mock's plaintext port; each answer is counted as it passes. */
async function startFront(authority: TestAuthority, target: URL) {
  const passing = new EventEmitter();
  let passed = 0;
  const { server } = createTlsAcceptor({
    identity: authority.central,
    clientRootsPem: authority.rootPem,
    judgeClient: () => ({ level: "tls" }),
    handshakeTimeoutMs: 10_000,
    now: () => Date.now(),
    onSecured: (socket) => {
      const upstream = connect({ host: target.hostname, port: Number(target.port) });
      upstream.on("error", () => socket.destroy());
      socket.on("error", () => upstream.destroy());
      upstream.on("data", (chunk: Buffer) => {
        if (chunk.toString("latin1").startsWith("HTTP/1.1 ")) passing.emit("answer", ++passed);
      });
      socket.pipe(upstream).pipe(socket);
    },
    onFailed: () => {},
  });
  const listening = await listenOnAnyPort(server);
  return {
    ...listening,
    async answers(count: number): Promise<void> {
      if (passed >= count) return;
      for await (const [number] of on(passing, "answer") as AsyncIterable<[number]>) {
        if (number >= count) return;
      }
    },
  };
}

/** Asks the agent itself until its status is as expected; each question is a round trip over its socket. */
async function statusWhere(
  data: string,
  holds: (status: AgentStatus) => boolean,
): Promise<AgentStatus> {
  for (;;) {
    const status = await readAgentStatus({ data });
    if (holds(status)) return status;
  }
}

const messages = (mock: MockServer): Heard[] =>
  mock.testGetRequests().flatMap(({ a2s }) => (a2s === undefined ? [] : [a2s]));

describe("@elastic/mockopampserver as a peer, as published", () => {
  it("understands our polling agent: full status first, heartbeats that grow by one, a goodbye", async () => {
    await withAgentAtMock({}, async ({ mock, answers, printed, stop, data }) => {
      await answers(3);
      const status = await statusWhere(data, ({ central }) => central.connected);
      await stop();
      const heard = messages(mock);
      const [first, second] = heard;
      assert.notEqual(first?.agentDescription, undefined);
      assert.equal(second?.agentDescription, undefined);
      assert.deepEqual(
        heard.map(({ sequenceNum }) => sequenceNum),
        heard.map((_, index) => BigInt(index + 1)),
      );
      assert.equal((first?.capabilities ?? 0n) & 0x2003n, 0x2003n);
      assert.notEqual(heard.at(-1)?.agentDisconnect, undefined);
      const [request] = mock.testGetRequests();
      assert.equal(request?.req.headers["opamp-instance-uid"], status.id);
      assert.ok(printed.some((line) => line.includes('"event":"connected"')));
    });
  });

  it("A4: offers a configuration without our signature; it is refused, receipted and reported, and nothing changes", async () => {
    const body = Buffer.from(JSON.stringify({ logLevel: "debug" }));
    const configMap = { "tautline.json": { body, contentType: "application/json" } };
    await withAgentAtMock({ agentConfigMap: { configMap } }, async ({ mock, data, answers }) => {
      const settings = readFileSync(join(data, "settings.json"), "utf8");
      await answers(2);
      const receipt = messages(mock).find(({ customMessage }) => customMessage?.type === "receipt");
      assert.equal(
        decodeInstructionReceipt(receipt?.customMessage?.data ?? new Uint8Array()).code,
        "instruction.unsigned",
      );
      assert.equal(receipt?.remoteConfigStatus?.status, 3);
      const status = await readAgentStatus({ data });
      assert.equal(status.settings?.values.logLevel, "info");
      assert.equal(readFileSync(join(data, "settings.json"), "utf8"), settings);
    });
  });

  for (const [badMode, code] of [
    ["server_error_response_unknown", "agent.refused"],
    ["server_error_response_unavailable", "agent.central_unavailable"],
  ] as const) {
    it(`A4: answers only ${badMode}; the agent says so, is not connected, and keeps its identity`, async () => {
      await withAgentAtMock({ badMode }, async ({ data, answers, printed }) => {
        await answers(1);
        const status = await statusWhere(data, ({ errors }) => errors.length > 0);
        assert.equal(status.errors[0]?.code, code);
        assert.deepEqual([status.central.connected, status.state], [false, "active"]);
        assert.ok(!printed.some((line) => line.includes("connected")));
      });
    });
  }
});
