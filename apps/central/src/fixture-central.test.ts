/* Equipment: a whole central in this process, on free ports, and everything that dials it. No tests of its own. */
import assert from "node:assert/strict";
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { join } from "node:path";
import { createLog } from "@tautline/daemon";
import { dialMutual, dialPinned, openWebSocket, type TlsIdentity } from "@tautline/link";
import { certificatesFromPem, exportPrivateKey } from "@tautline/pki";
import {
  decodeEnrolmentGrant,
  decodeFrame,
  decodeJoinToken,
  decodeServerToAgent,
  encodeFrame,
  formatTokenCredential,
  type JoinToken,
  LIMITS,
  type ServerToAgent,
} from "@tautline/protocol";
import { createFakeClock, type FakeClock, withTempFolder } from "@tautline/testing";
import type { WebSocket } from "ws";
import { type Central, startCentral } from "./central.ts";
import { type CentralConfig, loadCentralConfig } from "./config.ts";
import { joinMessage } from "./control/fixture-messages.test.ts";
import { type Joiner, makeJoiner, TRUST_DOMAIN } from "./fixture-core.test.ts";

const TIMEOUT_MS = 10_000;

/** What a test may start central with. */
export interface StartOptions {
  readonly clock?: FakeClock;
  readonly passphrase?: string;
  readonly change?: (config: CentralConfig) => CentralConfig;
  /** Text of a shared key named `legacy` that it has from its start. */
  readonly keyText?: string;
}

/** A central that runs in this process. */
export interface TestCentral {
  readonly central: Central;
  readonly dataDir: string;
  readonly clock: FakeClock;
  /** What it logged, line by line. */
  readonly lines: readonly Record<string, unknown>[];
  readonly agentsPort: number;
  readonly consolePort: number;
}

/** An HTTP answer, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: Buffer;
}

/** Starts central on a data folder. */
export async function startOn(dataDir: string, options: StartOptions = {}): Promise<TestCentral> {
  const { clock = createFakeClock(), change = (config: CentralConfig) => config } = options;
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void =>
    void lines.push(JSON.parse(line) as Record<string, unknown>);
  const config = loadCentralConfig(undefined, { agentsPort: 0, consolePort: 0, host: "127.0.0.1" });
  const central = await startCentral({
    config: change({
      ...config,
      // Where it is opened while a test runs, any free port does.
      plaintext: { ...config.plaintext, port: 0 },
      trustDomain: TRUST_DOMAIN,
      keys: keysOf(options),
    }),
    dataDir,
    vaultPassphrase: options.passphrase,
    now: clock.now,
    log: createLog("central", "debug", { write }),
    ...(options.keyText !== undefined && { keyTexts: new Map([["legacy", options.keyText]]) }),
  });
  const { agentsAddress, consoleAddress } = central;
  const ports = { agentsPort: agentsAddress.port, consolePort: consoleAddress.port };
  return { central, dataDir, clock, lines, ...ports };
}

function keysOf({ keyText }: StartOptions): CentralConfig["keys"] {
  return keyText === undefined ? [] : [{ name: "legacy", namespace: "default", file: "given" }];
}

/** Gives `use` a central on a data folder and stops it afterwards. */
export async function runOn(
  dataDir: string,
  use: (central: TestCentral) => Promise<void>,
  options: StartOptions = {},
): Promise<void> {
  const test = await startOn(dataDir, options);
  try {
    await use(test);
  } finally {
    await test.central.stop();
  }
}

/** Gives `use` a central on an empty folder and stops it afterwards. */
export function withCentral(
  use: (central: TestCentral) => Promise<void>,
  options: StartOptions = {},
): Promise<void> {
  return withTempFolder((folder) => runOn(join(folder, "data"), use, options));
}

/** Calls the admin API. */
export function callAdmin(
  { dataDir }: Pick<TestCentral, "dataDir">,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return exchange(
    (answer) =>
      httpRequest(
        {
          socketPath: join(dataDir, "admin.sock"),
          method,
          path,
          agent: false,
          headers: text === undefined ? {} : { "content-type": "application/json" },
        },
        answer,
      ),
    text,
  );
}

/** Calls the admin API and reads the JSON of a success. */
export async function admin<Result>(
  central: Pick<TestCentral, "dataDir">,
  method: string,
  path: string,
  body?: unknown,
): Promise<Result> {
  const answer = await callAdmin(central, method, path, body);
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
  return (answer.text === "" ? undefined : JSON.parse(answer.text)) as Result;
}

/** How to ask over TLS. */
export interface SecureRequest {
  readonly port: number;
  readonly method?: string;
  /** Sent as it is written. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly identity?: TlsIdentity;
}

/** Sends one HTTPS request over a connection of its own; central's certificate is not looked at. */
export function callSecure(options: SecureRequest): Promise<Answer> {
  const { port, method = "GET", path, headers = {}, body, identity } = options;
  return exchange(
    (answer) =>
      httpsRequest(
        {
          host: "127.0.0.1",
          port,
          method,
          path,
          headers,
          agent: false,
          rejectUnauthorized: false,
          ...(identity && { key: identity.keyPem, cert: identity.chainPem }),
        },
        answer,
      ),
    body,
  );
}

/** Opens a TLS connection and nothing on it. */
export function dialTls(port: number, identity?: TlsIdentity): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host: "127.0.0.1",
      port,
      rejectUnauthorized: false,
      ...(identity && { key: identity.keyPem, cert: identity.chainPem }),
    });
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** A new join token, read as an agent reads it. */
export async function newToken(
  central: TestCentral,
  order: {
    readonly namespace?: string;
    readonly uses?: number;
    readonly approve?: boolean;
  } = {},
): Promise<JoinToken> {
  const made = await admin<{ token: string }>(central, "POST", "/api/v1/tokens", order);
  return decodeJoinToken(made.token);
}

/** The header that presents a token. */
export function bearer({ tokenId, secret }: Pick<JoinToken, "tokenId" | "secret">) {
  return { authorization: `Bearer ${formatTokenCredential(tokenId, secret)}` };
}

/** An agent that joined this central over its socket. */
export interface JoinedAgent extends Joiner {
  /** What it shows when it dials. */
  readonly identity: TlsIdentity;
  /** Its other leaf, for its own API. */
  readonly serverIdentity: TlsIdentity;
  readonly rootsPem: string;
}

/** Joins a new host over a pinned WebSocket, as the agent app does. */
export async function joinOver(
  central: TestCentral,
  options: { readonly namespace?: string; readonly name?: string } = {},
): Promise<JoinedAgent> {
  const { namespace = "default" } = options;
  const token = await newToken(central, { namespace });
  const joiner = makeJoiner(options.name);
  const link = await openJoining(central, token);
  link.send(joinMessage(joiner.request));
  const answer = await link.next();
  link.close();
  assert.equal(answer.errorResponse?.errorMessage ?? "", "");
  const grant = decodeEnrolmentGrant(answer.customMessage?.data ?? new Uint8Array());
  const certificate = answer.connectionSettings?.opamp?.certificate;
  const clientChain = Buffer.from(certificate?.cert ?? new Uint8Array()).toString("utf8");
  return {
    ...joiner,
    identity: { keyPem: exportPrivateKey(joiner.client.privateKey), chainPem: clientChain },
    serverIdentity: {
      keyPem: exportPrivateKey(joiner.server.privateKey),
      chainPem: grant.serverChainPem,
    },
    rootsPem: grant.rootsPem,
  };
}

/** One end of an OpAMP WebSocket in a test's hands. */
export interface OpampLink {
  readonly socket: WebSocket;
  /** Sends a message in its frame. */
  send(message: Uint8Array): void;
  /** The next message of central, or the error the link ended in. */
  next(): Promise<ServerToAgent>;
  /** How the link was closed by central. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  close(): void;
}

/** Opens a control link with a join token. */
export async function openJoining(central: TestCentral, token: JoinToken): Promise<OpampLink> {
  const { socket } = await dialPinned({
    ...dialling(central),
    trustDomain: token.trustDomain,
    pins: token.pins,
  });
  return openLink(central, socket, bearer(token));
}

/** Opens a control link with an agent's certificate. */
export async function openControl(
  central: TestCentral,
  agent: JoinedAgent,
  headers: Readonly<Record<string, string>> = {},
): Promise<OpampLink> {
  const { identity, rootsPem } = agent;
  const { socket } = await dialMutual({
    ...dialling(central),
    trustDomain: TRUST_DOMAIN,
    roots: certificatesFromPem(rootsPem),
    identity,
  });
  return openLink(central, socket, headers);
}

function dialling({ agentsPort, clock }: TestCentral) {
  return { host: "127.0.0.1", port: agentsPort, timeoutMs: TIMEOUT_MS, now: clock.now };
}

/** Opens a control link over a connection that is secured already, or need not be. */
export async function openLink(
  { agentsPort }: Pick<TestCentral, "agentsPort">,
  socket: Duplex,
  headers: Readonly<Record<string, string>> = {},
): Promise<OpampLink> {
  const websocket = await openWebSocket({
    socket,
    path: "/v1/opamp",
    host: `127.0.0.1:${agentsPort}`,
    headers,
    maxMessageBytes: LIMITS.opampMessageBytes.value + 1,
  });
  return readLink(websocket);
}

function readLink(socket: WebSocket): OpampLink {
  const arrived: ServerToAgent[] = [];
  const waiting: ((message: ServerToAgent) => void)[] = [];
  const max = LIMITS.opampMessageBytes.value;
  socket.on("message", (data: Buffer) => {
    const message = decodeServerToAgent(decodeFrame(data, max), max);
    const taker = waiting.shift();
    if (taker === undefined) arrived.push(message);
    else taker(message);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once("close", (code, reason) => resolve({ code, reason: reason.toString("utf8") }));
  });
  const ended = failWhen(closed);
  ended.catch(() => {});
  return {
    socket,
    closed,
    send: (message) => socket.send(encodeFrame(message)),
    next: () => {
      const message = arrived.shift();
      if (message !== undefined) return Promise.resolve(message);
      const coming = Promise.withResolvers<ServerToAgent>();
      waiting.push(coming.resolve);
      return Promise.race([coming.promise, ended]);
    },
    close: () => socket.close(),
  };
}

async function failWhen(closed: OpampLink["closed"]): Promise<never> {
  const { code, reason } = await closed;
  throw new Error(`the link was closed: ${code} ${reason}`);
}

/** Posts one OpAMP message as a polling agent does, over a connection of its own. */
export function poll(
  { agentsPort }: TestCentral,
  message: Uint8Array,
  options: {
    readonly identity?: TlsIdentity;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<Answer> {
  return callSecure({
    port: agentsPort,
    method: "POST",
    path: "/v1/opamp",
    body: message,
    ...options,
    headers: { "content-type": "application/x-protobuf", ...options.headers },
  });
}

/** The message in an answer to a poll. */
export function polled(answer: Answer): ServerToAgent {
  return decodeServerToAgent(answer.body, LIMITS.opampMessageBytes.value);
}

/** The code of a problem document. */
export function problemCode(answer: Answer): unknown {
  assert.match(String(answer.headers["content-type"]), /^application\/problem\+json/);
  return (JSON.parse(answer.text) as { code?: unknown }).code;
}

function exchange(
  begin: (answer: (response: IncomingMessage) => void) => ReturnType<typeof httpRequest>,
  body?: string | Uint8Array,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = begin((response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const whole = Buffer.concat(chunks);
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, body: whole, text: whole.toString("utf8") });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
