import { EventEmitter, on } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { createTlsAcceptor, evidenceOf } from "@tautline/link";
import {
  CAPABILITY_ENROLMENT,
  CAPABILITY_STATUS,
  ServerToAgentFlags,
  decodeAgentToServer,
  decodeFrame,
  encodeFrame,
  encodeJoinToken,
  encodeServerToAgent,
  formatTimestamp,
  LIMITS,
  TIME_HEADER,
  type AgentToServer,
  type LinkEvidence,
} from "@tautline/protocol";
import { certificatesFromPem, verifyChain } from "@tautline/pki";
import { WebSocketServer, type WebSocket } from "ws";
import { listenOnAnyPort } from "./listen-on-any-port.ts";
import {
  acknowledge,
  grantJoin,
  grantRenewal,
  type GrantOptions,
  type StandInAnswer,
} from "./stand-in-answers.ts";
import { createTestAuthority, type TestAuthority } from "./test-authority.ts";

const MAX_BYTES = LIMITS.opampMessageBytes.value;

/** One message of an agent, and the way back to it. */
export interface StandInMessage {
  readonly message: AgentToServer;
  readonly evidence: LinkEvidence;
  /** Number of the connection it came over, counted from 1. */
  readonly link: number;
  /** The Authorization header of its connection or request. */
  readonly authorization: string | undefined;
}

/** How a test changes what the stand-in does; each may be replaced while it runs. */
export interface StandInBehaviour {
  /** What is answered: an answer, raw bytes, or undefined for silence. Left out, it acknowledges and grants joins. */
  answer?: (received: StandInMessage) => StandInAnswer | Uint8Array | undefined;
  /** Answers instead of upgrading or reading a message: status, headers and body. */
  refuse?: (request: IncomingMessage) => StandInRefusal | undefined;
  /** Takes an upgrade to another protocol than WebSocket, and gives true; the socket is the test's from then on. */
  takeUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean;
  /** What is different in a grant. */
  grant?: Partial<Pick<GrantOptions, "change" | "lifetimeMs" | "addresses">>;
}

export interface StandInRefusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A small central for tests of agents: real TLS, real WebSocket, real HTTP, and whatever a test makes it say. */
export interface StandInCentral {
  readonly address: string;
  readonly authority: TestAuthority;
  readonly behaviour: StandInBehaviour;
  /** Every message so far, in order. */
  readonly received: readonly StandInMessage[];
  /** A join token for it, with more `addresses` to try if told. */
  makeToken(addresses?: readonly string[]): string;
  /** What an honest central answers. */
  honestAnswer(received: StandInMessage): StandInAnswer;
  /** The first message that matches, past or coming. */
  waitFor(matches: (received: StandInMessage) => boolean): Promise<StandInMessage>;
  /** Sends to every open WebSocket, unasked. */
  push(answer: StandInAnswer | Uint8Array): void;
  /** Sends one WebSocket message as it is: text as a text message, bytes without a frame header. */
  pushRaw(data: string | Uint8Array): void;
  /** Cuts every connection without a word. */
  cut(): void;
  close(): Promise<void>;
}

const FULL_STATE = BigInt(ServerToAgentFlags.REPORT_FULL_STATE);

/**
 * Starts a stand-in for central on a free port of the loopback interface.
 *
 * @param options `authority`: one made before, for a central that comes back or for an impostor of the same name; `namespace`
 */
export async function startStandInCentral({
  authority = createTestAuthority(),
  namespace = "default",
  behaviour = {},
}: {
  authority?: TestAuthority;
  namespace?: string;
  behaviour?: StandInBehaviour;
} = {}): Promise<StandInCentral> {
  const received: StandInMessage[] = [];
  const arrivals = new EventEmitter();
  const sockets = new Map<TLSSocket, number>();
  const websockets = new Set<WebSocket>();
  const honestAnswer = ({ message }: StandInMessage): StandInAnswer => {
    const { capability, type } = message.customMessage ?? {};
    // It keeps nobody's status, so it asks for the whole.
    if (capability === CAPABILITY_STATUS) return { ...acknowledge(message), flags: FULL_STATE };
    if (capability !== CAPABILITY_ENROLMENT) return acknowledge(message);
    const options = { authority, namespace, addresses: [address], ...behaviour.grant };
    return type === "renew" ? grantRenewal(message, options) : grantJoin(message, options);
  };
  const hear = (bytes: Uint8Array, request: IncomingMessage): Uint8Array | undefined => {
    const socket = request.socket as TLSSocket;
    const evidence = evidenceOf(socket);
    if (evidence === undefined) throw new Error("a request without a secured socket");
    const one: StandInMessage = {
      message: decodeAgentToServer(bytes, MAX_BYTES),
      evidence,
      link: sockets.get(socket) ?? 0,
      authorization: request.headers.authorization,
    };
    received.push(one);
    arrivals.emit("message", one);
    return encode((behaviour.answer ?? honestAnswer)(one));
  };

  const upgrades = new WebSocketServer({ noServer: true, maxPayload: MAX_BYTES + 1 });
  upgrades.on("headers", (headers) => {
    headers.push(`${TIME_HEADER}: ${formatTimestamp(Date.now())}`);
  });
  const http = createServer((request, response) => answerPost(request, response, behaviour, hear));
  http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (behaviour.takeUpgrade?.(request, socket, head) === true) return;
    const refusal = behaviour.refuse?.(request);
    if (refusal !== undefined) {
      socket.end(formatRefusal(refusal));
      return;
    }
    upgrades.handleUpgrade(request, socket, head, (websocket) => {
      websockets.add(websocket);
      websocket.on("close", () => websockets.delete(websocket));
      websocket.on("error", () => {});
      websocket.on("message", (data: Buffer) => {
        const answer = hear(decodeFrame(data, MAX_BYTES), request);
        if (answer !== undefined) websocket.send(encodeFrame(answer));
      });
    });
  });

  const { server } = createTlsAcceptor({
    identity: authority.central,
    clientRootsPem: authority.rootPem,
    judgeClient: (leaf, intermediates) => {
      if (leaf === undefined) return { level: "tls" };
      const roots = certificatesFromPem(authority.rootPem);
      const at = new Date();
      const verdict = verifyChain({ leaf, intermediates, roots, at, purpose: "client" });
      if (!verdict.ok) return { refuse: verdict.error };
      return { level: "mtls", peerId: verdict.spiffeId ?? "", peerSerial: verdict.serial };
    },
    handshakeTimeoutMs: 10_000,
    now: () => Date.now(),
    onSecured: (socket) => {
      sockets.set(socket, sockets.size + 1);
      http.emit("connection", socket);
    },
    onFailed: () => {},
  });
  const listening = await listenOnAnyPort(server);
  const address = `${listening.host}:${listening.port}`;
  const cut = (): void => {
    for (const socket of sockets.keys()) socket.destroy();
  };
  return {
    address,
    authority,
    behaviour,
    received,
    honestAnswer,
    makeToken: (addresses = [address]) =>
      encodeJoinToken({
        addresses,
        pins: [authority.rootPin],
        trustDomain: authority.trustDomain,
        namespace,
        tokenId: "stand-in",
        secret: new Uint8Array(32).fill(7),
      }),
    async waitFor(matches) {
      const past = received.find(matches);
      if (past !== undefined) return past;
      for await (const [one] of on(arrivals, "message") as AsyncIterable<[StandInMessage]>) {
        if (matches(one)) return one;
      }
      throw new Error("unreachable: the emitter never ends");
    },
    push(answer) {
      const bytes = encode(answer);
      for (const websocket of websockets) if (bytes) websocket.send(encodeFrame(bytes));
    },
    pushRaw(data) {
      for (const websocket of websockets) websocket.send(data);
    },
    cut,
    async close() {
      cut();
      upgrades.close();
      await listening.close();
    },
  };
}

function encode(answer: StandInAnswer | Uint8Array | undefined): Uint8Array | undefined {
  if (answer === undefined || answer instanceof Uint8Array) return answer;
  return encodeServerToAgent(answer);
}

function answerPost(
  request: IncomingMessage,
  response: ServerResponse,
  behaviour: StandInBehaviour,
  hear: (bytes: Uint8Array, request: IncomingMessage) => Uint8Array | undefined,
): void {
  const refusal = behaviour.refuse?.(request);
  if (refusal !== undefined) {
    response.writeHead(refusal.status, { ...refusal.headers }).end(refusal.body);
    return;
  }
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const answer = hear(Buffer.concat(chunks), request);
    if (answer === undefined) return;
    response.writeHead(200, { "Content-Type": "application/x-protobuf" }).end(answer);
  });
}

function formatRefusal({ status, headers = {}, body = "" }: StandInRefusal): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: ${length}\r\n${lines.join("")}\r\n${body}`;
}
