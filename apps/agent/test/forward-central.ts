import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { connect, createServer as createTcpServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  ForwardChannel,
  type ForwardOpening,
  parseHostPort,
  plaintextEvidence,
} from "@tautline/link";
import { listenOnAnyPort } from "@tautline/testing";
import type { Dial } from "../src/control/transport.ts";

const SWITCHING =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tautline-forward\r\n\r\n";

/** A small central that takes forwards over real sockets at the level plaintext, and leads them to a target. */
export interface ForwardCentral extends AsyncDisposable {
  readonly address: string;
  /** Requests for an upgrade so far. */
  readonly upgrades: readonly IncomingMessage[];
  /** Links that live. */
  readonly channels: ReadonlySet<ForwardChannel>;
  /** Cuts every link without a word. */
  cut(): void;
}

/** What a test makes it do. */
export interface ForwardCentralOptions {
  /** Answers each request for a stream; `carry` leads it on. Without it every stream is led to `target`. */
  readonly onOpen?: (opening: ForwardOpening, carry: (plain: Socket) => void) => void;
  /** Answers an upgrade by itself where it gives true. */
  readonly refuse?: (request: IncomingMessage, socket: Duplex) => boolean;
  /** Port of what streams are led to. */
  readonly target?: number;
}

/**
 * Starts one on a free port of the loopback interface.
 *
 * @param options what it does with what comes
 */
export async function startForwardCentral(
  options: ForwardCentralOptions = {},
): Promise<ForwardCentral> {
  const upgrades: IncomingMessage[] = [];
  const channels = new Set<ForwardChannel>();
  const sockets = new Set<Duplex>();
  const http = createServer();
  http.on("upgrade", (request: IncomingMessage, secured: Duplex, head: Buffer) => {
    upgrades.push(request);
    secured.on("error", () => {});
    if (options.refuse?.(request, secured) === true) return;
    const channel = answerForwards(secured, head, options);
    sockets.add(secured);
    channels.add(channel);
    void channel.closed.then(() => channels.delete(channel));
  });
  const listening = await listenOnAnyPort(http);
  return {
    address: `${listening.host}:${listening.port}`,
    upgrades,
    channels,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    [Symbol.asyncDispose]: () => listening.close(),
  };
}

const elapsed = (): number => performance.now();

/**
 * Upgrades a secured connection and takes the forwards that come over it.
 *
 * @param secured over which the upgrade was asked for
 * @param head what came behind that
 * @param options what it does with each stream
 */
export function answerForwards(
  secured: Duplex,
  head: Buffer,
  options: Pick<ForwardCentralOptions, "onOpen" | "target">,
): ForwardChannel {
  secured.write(SWITCHING);
  const address = "the agent";
  const channel = new ForwardChannel({ secured, head, role: "accepter", address, now: elapsed });
  channel.onOpen((opening) => {
    const carry = (plain: Socket): void => {
      opening.accept();
      void channel.carry(plain);
    };
    if (options.onOpen !== undefined) return options.onOpen(opening, carry);
    const plain = connect({ port: options.target ?? 0, host: "127.0.0.1", allowHalfOpen: true });
    plain.once("connect", () => carry(plain.pause()));
  });
  return channel;
}

/** What streams of a test lead to. */
export interface ForwardTarget extends AsyncDisposable {
  readonly port: number;
  readonly accepted: readonly Socket[];
}

/**
 * Starts a target that hands each connection to the test.
 *
 * @param onConnection takes it; it ends its own direction
 */
export async function startTarget(onConnection: (socket: Socket) => void): Promise<ForwardTarget> {
  const accepted: Socket[] = [];
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket.on("error", () => {}));
    onConnection(socket);
  });
  const { port, close } = await listenOnAnyPort(server);
  return { port, accepted, [Symbol.asyncDispose]: close };
}

/** Dials plaintext and proves nothing: what an agent without a level does. */
export const plainDial: Dial = async (address) => {
  const { host, port } = parseHostPort(address, 1);
  const socket = connect({ host, port, allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return { socket, evidence: plaintextEvidence(Date.now) };
};
