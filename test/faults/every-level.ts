import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { setInterval } from "node:timers/promises";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { basicPsk, dialAdvanced, dialBasic, dialMutual, openWebSocket } from "@tautline/link";
import { certificatesFromPem, deriveSharedKey } from "@tautline/pki";
import {
  AgentCapabilities,
  agentIdToBytes,
  AgentToServerSchema,
  decodeFrame,
  decodeServerToAgent,
  encodeAgentToServer,
  encodeFrame,
  fromWireText,
  LIMITS,
  makeAgentId,
  recordToAttributes,
  type ServerToAgent,
} from "@tautline/protocol";
import { listenOnAnyPort, withTempFolder } from "@tautline/testing";
import { joinByHand, type HandMadeAgent } from "../interop/hand-made-agent.ts";
import {
  describeCentral,
  type Items,
  launchCentral,
  type RunningCentral,
} from "../running-central.ts";
import { until } from "../until.ts";

/** The text of the shared key `legacy`, which this central has from its settings file. */
export const KEY_TEXT = "a text that both ends of the faults were given";
export const TIMEOUT_MS = 60_000;
const TALK_EVERY_MS = 20;
const REPORT_FULL_STATE = 1n;

/** A level at which agents of these tests talk. */
export type TalkLevel = "plaintext" | "basic" | "advanced" | "mtls";

/** A central of its own process on which every level is accepted. */
export interface EveryLevel extends RunningCentral {
  readonly plaintextPort: number;
  readonly sharedKey: Buffer;
  readonly keyFile: string;
  readonly pid: number;
  /** Ports by level. */
  portOf(level: TalkLevel): number;
}

/** What is set differently from what `withEveryLevel` sets. */
export interface EveryLevelChange {
  /** `agents.handshakeTimeout`. */
  readonly handshakeTimeout?: string;
  /** More lines of central.yaml below `agents:`. */
  readonly agents?: string;
  /** More lines of central.yaml below `admission:`. */
  readonly admission?: string;
  /** `admission.failedAttempts`; all calls of these tests come from one address, so it is out of the way unless told. */
  readonly failedAttempts?: number;
  /** Of central's process. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts a central that accepts every level on free ports, and knows the key `legacy`.
 *
 * @param use the test
 * @param change what is set differently
 */
export async function withEveryLevel(
  use: (central: EveryLevel) => Promise<void>,
  change: EveryLevelChange = {},
): Promise<void> {
  const { handshakeTimeout = "10s", agents = "", admission = "", env = {} } = change;
  const { failedAttempts = 1_000_000 } = change;
  await withTempFolder(async (folder) => {
    const [dataDir, config] = [join(folder, "central"), join(folder, "central.yaml")];
    const keyFile = join(folder, "legacy.key");
    writeFileSync(keyFile, `${KEY_TEXT}\n`, { mode: 0o600 });
    const lines = [
      "agents:",
      "  levels: [basic, advanced, tls, mtls]",
      `  handshakeTimeout: ${handshakeTimeout}`,
      agents,
      "plaintext: {bind: public, host: 127.0.0.1, port: 0}",
      // Each attempt of these tests is looked at, as if each came from a source of its own.
      "admission:",
      `  failedAttempts: ${failedAttempts}`,
      admission,
      `keys: [{name: legacy, file: ${keyFile}}]`,
    ];
    writeFileSync(config, lines.filter((line) => line !== "").join("\n"));
    await using process = launchCentral(dataDir, undefined, { config, env });
    const central = await describeCentral(process, dataDir, folder);
    const { items } = await central.call<Items<{ name: string; addresses: readonly string[] }>>(
      "GET",
      "/api/v1/listeners",
    );
    const [address = ""] = items.find(({ name }) => name === "plaintext")?.addresses ?? [];
    const plaintextPort = Number(/:(\d+)$/.exec(address)?.[1]);
    const sharedKey = await deriveSharedKey(KEY_TEXT, { namespace: "default", name: "legacy" });
    const portOf = (level: TalkLevel): number =>
      level === "plaintext" ? plaintextPort : central.agentsPort;
    const { pid = 0 } = process;
    await use({ ...central, plaintextPort, sharedKey, keyFile, pid, portOf });
    assert.equal((await process.kill("SIGTERM")).code, 0, "central did not live through it");
  });
}

/** A TCP connection, half-open allowed, whose errors end nothing. */
export async function dialTcp(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Resolves with all that came on a stream when the other end has closed it, and closes this end. */
export function untilClosed(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => {});
  return new Promise((resolve) => {
    stream.once("end", () => stream.destroy());
    stream.once("close", () => resolve(Buffer.concat(chunks)));
    if (stream.closed) resolve(Buffer.concat(chunks));
  });
}

/**
 * Dials central at a level.
 *
 * @param central where
 * @param level as what
 * @param identity of an agent that joined by hand; only mtls needs it
 * @returns what HTTP can be spoken on
 */
export async function dialAt(
  central: EveryLevel,
  level: TalkLevel,
  identity?: HandMadeAgent,
): Promise<Duplex> {
  const port = central.portOf(level);
  const keyed = {
    key: { name: "legacy" },
    isBound: false,
    address: `127.0.0.1:${port}`,
    timeoutMs: TIMEOUT_MS,
    now: Date.now,
  };
  if (level === "plaintext") return dialTcp(port);
  if (level === "basic") {
    const psk = basicPsk(central.sharedKey);
    return (await dialBasic(await dialTcp(port), { ...keyed, psk })).stream;
  }
  if (level === "advanced") {
    const { sharedKey } = central;
    return (await dialAdvanced(await dialTcp(port), { ...keyed, host: "127.0.0.1", sharedKey }))
      .stream;
  }
  assert.ok(identity !== undefined, "mtls needs an identity");
  const { socket } = await dialMutual({
    host: "127.0.0.1",
    port,
    roots: certificatesFromPem(readFileSync(identity.rootsFile, "utf8")),
    identity: {
      keyPem: readFileSync(identity.clientKeyFile, "utf8"),
      chainPem: readFileSync(identity.clientChainFile, "utf8"),
    },
    trustDomain: "tautline.internal",
    timeoutMs: TIMEOUT_MS,
    now: Date.now,
  });
  return socket;
}

type MessageFields = MessageInitShape<typeof AgentToServerSchema>;

/** One status message, framed as OpAMP is over WebSocket. */
export function statusFrame(id: string, sequence: number, more: object = {}): Uint8Array {
  const fields = {
    instanceUid: agentIdToBytes(id),
    sequenceNum: BigInt(sequence),
    capabilities: BigInt(AgentCapabilities.REPORTS_STATUS),
    ...(sequence === 0 && {
      agentDescription: {
        identifyingAttributes: recordToAttributes({ "service.name": "a good agent" }),
      },
    }),
    ...more,
  } as MessageFields;
  return encodeFrame(encodeAgentToServer(create(AgentToServerSchema, fields as never)));
}

/** An agent that says one thing after the other, and expects an answer to each. */
export interface GoodAgent extends AsyncDisposable {
  readonly level: TalkLevel;
  readonly id: string;
  /** Messages that central took; every one of them was sent over the one link. */
  readonly acknowledged: number;
  /** Sends one message, and waits for the answer to it; throws where there is another one, or the link is gone. */
  say(): Promise<void>;
}

/** Brings an agent in at a level, over one link that has to hold for the whole test. */
export async function goodAgent(central: EveryLevel, level: TalkLevel): Promise<GoodAgent> {
  const identity =
    level === "mtls" ? await joinByHand(await central.token(), central.folder) : undefined;
  const id = identity?.id ?? makeAgentId(Date.now(), randomBytes(10));
  const socket = await openWebSocket({
    socket: await dialAt(central, level, identity),
    path: "/v1/opamp",
    host: `127.0.0.1:${central.portOf(level)}`,
    headers: {},
    maxMessageBytes: LIMITS.opampMessageBytes.value,
    timeoutMs: TIMEOUT_MS,
  });
  const answers: ServerToAgent[] = [];
  let [acknowledged, hear] = [0, () => {}];
  const gone: string[] = [];
  socket.on("message", (data: Buffer) => {
    const limit = LIMITS.opampMessageBytes.value;
    answers.push(decodeServerToAgent(decodeFrame(data, limit), limit));
    hear();
  });
  socket.on("close", (code: number, reason: Buffer) => {
    gone.push(`${code} ${reason.toString()}`);
    hear();
  });
  const say = async (): Promise<void> => {
    socket.send(statusFrame(id, acknowledged));
    while (answers.length + gone.length === 0) {
      await new Promise<void>((resolve) => (hear = resolve));
    }
    assert.deepEqual(gone, [], `the link of a good agent at ${level} was ended`);
    const answer = answers.shift();
    const error = fromWireText(answer?.errorResponse?.errorMessage ?? "");
    assert.equal(answer?.errorResponse, undefined, `${level} was answered ${error.code}`);
    // Central asks for everything again where a message is missing.
    const asksAgain = ((answer?.flags ?? 0n) & REPORT_FULL_STATE) !== 0n;
    assert.equal(asksAgain, false, `central misses a message of the agent at ${level}`);
    acknowledged += 1;
  };
  await say();
  return {
    level,
    id,
    get acknowledged() {
      return acknowledged;
    },
    say,
    [Symbol.asyncDispose]: async () => {
      const closed = once(socket, "close");
      if (socket.readyState === socket.CLOSED) return;
      socket.terminate();
      await closed;
    },
  };
}

/**
 * Lets good agents talk while something goes on. Each has to be answered meanwhile and after, over the link it began with.
 *
 * @param agents at their levels
 * @param work what goes on
 */
export async function whileTalking(
  agents: readonly GoodAgent[],
  work: () => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const talking = agents.map(async (agent) => {
    for await (const _ of setInterval(TALK_EVERY_MS)) {
      await agent.say();
      if (over.signal.aborted) return;
    }
  });
  const all = Promise.all(talking);
  // It is looked at below; a failure ends the test at once.
  all.catch(() => {});
  const before = agents.map(({ acknowledged }) => acknowledged);
  try {
    await Promise.race([work(), all]);
  } finally {
    over.abort();
  }
  await all;
  for (const [index, agent] of agents.entries()) {
    await agent.say();
    assert.ok(agent.acknowledged > (before[index] ?? 0) + 1, `${agent.level} was not answered`);
  }
}

/** Asks central's own socket for a page as it is. */
export function readPage(
  { dataDir }: Pick<RunningCentral, "dataDir">,
  path: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: join(dataDir, "admin.sock"), path, agent: false });
    call.on("error", reject).on("response", (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => (text += part));
      answer.on("error", reject).on("end", () => resolve(text));
    });
    call.end();
  });
}

/** How often central has refused by a code. */
export async function refusals(
  central: Pick<RunningCentral, "dataDir">,
  code: string,
): Promise<number> {
  const text = await readPage(central, "/metrics");
  const line = text.split("\n").find((each) => each.includes(`refusals_total{code="${code}"}`));
  return Number(line?.split(" ").at(-1) ?? 0);
}

/** Waits until central has refused at least so often by a code. */
export async function untilRefused(
  central: Pick<RunningCentral, "dataDir">,
  code: string,
  times: number,
): Promise<void> {
  await until(async () => ((await refusals(central, code)) >= times ? true : undefined));
}

/** The ClientHello of a real client, as it is on the wire. */
export async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer();
  const { port, close } = await listenOnAnyPort(server);
  const accepted = once(server, "connection");
  const client = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
  client.on("error", () => {});
  const [socket] = (await accepted) as [Socket];
  const [hello] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  socket.destroy();
  await close();
  return hello;
}

/** Options of a client with the shared key. */
export function withKey(sharedKey: Uint8Array): ConnectionOptions {
  return {
    minVersion: "TLSv1.3",
    ciphers: "TLS_AES_128_GCM_SHA256",
    pskCallback: () => ({ psk: sharedKey, identity: "legacy" }),
    checkServerIdentity: () => undefined,
  };
}
