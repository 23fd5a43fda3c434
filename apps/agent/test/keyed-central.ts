import { EventEmitter, on, once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer, type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { acceptBasic, basicPsk, createAdvancedAcceptor, plaintextEvidence } from "@tautline/link";
import { deriveSharedKey } from "@tautline/pki";
import {
  decodeAgentToServer,
  decodeFrame,
  encodeFrame,
  encodeServerToAgent,
  LIMITS,
  type AgentToServer,
  type LinkEvidence,
} from "@tautline/protocol";
import { acknowledge, type StandInAnswer } from "@tautline/testing";
import { WebSocketServer, type WebSocket } from "ws";

const HOST = "127.0.0.1";
const MAX_BYTES = LIMITS.opampMessageBytes.value;
/** The levels without certificates, at which this stand-in answers. */
export type UncertifiedLevel = "plaintext" | "basic" | "advanced";

/** Text of the key that both ends have, where a test does not say another. */
export const KEY_TEXT = "a key of the tests that is long enough to be strong: 7f3b9d52e8c1";

/** One message that came, and over which link. */
export interface HeardMessage {
  readonly message: AgentToServer;
  readonly evidence: LinkEvidence;
  readonly host: string | undefined;
}

/** A small central that accepts one level below `tls` and nothing else. */
export interface KeyedCentral extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** Connections that were made, secured or not. */
  readonly connections: () => number;
  readonly heard: readonly HeardMessage[];
  /** What is said to any message; undefined for silence. */
  answer: (message: AgentToServer) => StandInAnswer | undefined;
  waitFor(matches: (one: HeardMessage) => boolean): Promise<HeardMessage>;
  /** Cuts every connection without a word. */
  cut(): void;
}

/**
 * Starts one on a free port of the loopback interface.
 *
 * @param level that it accepts
 * @param options text of its key, named `legacy`, and where it listens: any free port where none is said
 */
export async function startKeyedCentral(
  level: UncertifiedLevel,
  {
    text = KEY_TEXT,
    host = HOST,
    port: wanted = 0,
  }: { readonly text?: string; readonly host?: string; readonly port?: number } = {},
): Promise<KeyedCentral> {
  const sharedKey = await deriveSharedKey(text, { namespace: "default", name: "legacy" });
  const secured = new WeakMap<object, LinkEvidence>();
  const sockets: Socket[] = [];
  const heard: HeardMessage[] = [];
  const arrivals = new EventEmitter();
  const central: KeyedCentral = {
    address: "",
    port: 0,
    connections: () => sockets.length,
    heard,
    answer: acknowledge,
    async waitFor(matches) {
      const past = heard.find(matches);
      if (past !== undefined) return past;
      for await (const [one] of on(arrivals, "message") as AsyncIterable<[HeardMessage]>) {
        if (matches(one)) return one;
      }
      throw new Error("unreachable: the emitter never ends");
    },
    cut: () => sockets.forEach((socket) => socket.destroy()),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      central.cut();
      await closed;
    },
  };
  const hear = (bytes: Uint8Array, request: IncomingMessage): Uint8Array | undefined => {
    const evidence = secured.get(request.socket);
    if (evidence === undefined) throw new Error("a request without a secured stream");
    const message = decodeAgentToServer(bytes, MAX_BYTES);
    const one = { message, evidence, host: request.headers.host };
    heard.push(one);
    arrivals.emit("message", one);
    const answer = central.answer(message);
    return answer && encodeServerToAgent(answer);
  };
  const http = serve(hear);
  const take = (stream: Duplex, evidence: LinkEvidence): void => {
    secured.set(stream, evidence);
    http.emit("connection", stream);
  };
  const accept = acceptor(level, sharedKey, take);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.push(socket.on("error", () => {}));
    accept(socket);
  });
  server.listen(wanted, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return Object.assign(central, { port, address: `${host === HOST ? HOST : `[${host}]`}:${port}` });
}

function now(): number {
  return Date.now();
}

function acceptor(
  level: UncertifiedLevel,
  sharedKey: Buffer,
  take: (stream: Duplex, evidence: LinkEvidence) => void,
): (socket: Socket) => void {
  const limits = { now, address: "the caller", timeoutMs: 10_000 };
  const key = { name: "legacy", version: 1 };
  if (level === "plaintext") return (socket) => take(socket, plaintextEvidence(now));
  if (level === "basic") {
    const findKeys = () => [{ ...key, psk: basicPsk(sharedKey) }];
    return (socket) => {
      acceptBasic(socket, { ...limits, findKeys }).then(
        ({ stream, evidence }) => take(stream, evidence),
        () => {},
      );
    };
  }
  const server = createAdvancedAcceptor({
    findKey: ({ name }) => (name === key.name ? { ...key, sharedKey } : undefined),
    handshakeTimeoutMs: 10_000,
    now,
    onSecured: take,
    onFailed: () => {},
  });
  return (socket) => void server.emit("connection", socket);
}

function serve(
  hear: (bytes: Uint8Array, request: IncomingMessage) => Uint8Array | undefined,
): ReturnType<typeof createHttpServer> {
  const http = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const answer = hear(Buffer.concat(chunks), request);
      if (answer !== undefined) response.end(answer);
    });
  });
  const upgrades = new WebSocketServer({ noServer: true, maxPayload: MAX_BYTES + 1 });
  http.on("upgrade", (request: IncomingMessage, socket, head) => {
    upgrades.handleUpgrade(request, socket, head, (websocket: WebSocket) => {
      websocket.on("error", () => {});
      websocket.on("message", (data: Buffer) => {
        const answer = hear(decodeFrame(data, MAX_BYTES), request);
        if (answer !== undefined) websocket.send(encodeFrame(answer));
      });
    });
  });
  return http;
}
