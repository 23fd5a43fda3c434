import { once } from "node:events";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type CarryOptions, ForwardChannel, type SlabPool, type StreamEnd } from "@tautline/link";
import type { LevelUnderTest } from "./contracts/level-contract.ts";
import { openSocketPair, type SocketPair } from "./socket-pair.ts";
import { startTcpRelay } from "./tcp-relay.ts";

/** One stream with both of its programs. */
export interface SceneStream {
  /** The program at the opener. */
  readonly program: Socket;
  /** The program at the accepter. */
  readonly server: Socket;
  /** The plain sockets that the channels carry, at the opener and at the accepter. */
  readonly plain: readonly [Socket, Socket];
  /** How it ended at the opener and at the accepter. */
  readonly ends: readonly [Promise<StreamEnd>, Promise<StreamEnd>];
}

/** A forward's link of one level, through a relay. */
export interface ForwardScene extends AsyncDisposable {
  readonly opener: ForwardChannel;
  readonly accepter: ForwardChannel;
  /** The secured streams of opener and accepter. */
  readonly secured: readonly [Duplex, Duplex];
  /** Opens a stream and carries it at both ends; options of opener and accepter. */
  readonly stream: (options?: readonly [CarryOptions, CarryOptions?]) => Promise<SceneStream>;
  /** Ends the connection without a word of the protocol inside. */
  readonly cut: () => void;
}

/** What came over a connection, and how it ended. */
export interface Hearing {
  readonly bytes: Buffer;
  /** "end", or the code of the error. */
  readonly how: string;
}

/** Secures a connection through a relay; `accepted` is its other end. */
export async function openSecuredPair(level: LevelUnderTest): Promise<
  AsyncDisposable & {
    readonly dialled: Duplex;
    readonly accepted: Duplex;
    readonly cut: () => void;
  }
> {
  const arrival = Promise.withResolvers<Duplex>();
  const listener = await level.listen(({ stream }) =>
    arrival.resolve(stream.on("error", () => {})),
  );
  const relay = await startTcpRelay({ toPort: listener.port });
  const { stream: dialled } = await level.dial(relay.port);
  const accepted = await arrival.promise;
  dialled.on("error", () => {});
  return {
    dialled,
    accepted,
    cut: relay.cut,
    [Symbol.asyncDispose]: async () => {
      dialled.destroy();
      accepted.destroy();
      await relay[Symbol.asyncDispose]();
      await listener[Symbol.asyncDispose]();
    },
  };
}

/**
 * Opens a forward's link of one level whose two ends are in this process.
 *
 * @param level which
 * @param slabs that both ends read into; null reads as Node does
 */
export async function openForwardScene(
  level: LevelUnderTest,
  slabs?: SlabPool | null,
): Promise<ForwardScene> {
  const pair = await openSecuredPair(level);
  const pairs: SocketPair[] = [];
  const rest = { head: Buffer.alloc(0), now: () => performance.now(), slabs };
  const opener = new ForwardChannel({
    ...rest,
    secured: pair.dialled,
    role: "opener",
    address: "the accepter",
  });
  const accepter = new ForwardChannel({
    ...rest,
    secured: pair.accepted,
    role: "accepter",
    address: "the opener",
  });
  return {
    opener,
    accepter,
    secured: [pair.dialled, pair.accepted],
    cut: pair.cut,
    stream: async ([ofOpener = {}, ofAccepter = {}] = [{}]) => {
      const [near, far] = [await openSocketPair(), await openSocketPair()];
      pairs.push(near, far);
      near.dialled.on("error", () => {});
      far.accepted.on("error", () => {});
      const carried = Promise.withResolvers<() => Promise<StreamEnd>>();
      accepter.onOpen((opening) => {
        opening.accept();
        const end = accepter.carry(far.dialled, ofAccepter);
        carried.resolve(() => end);
      });
      await opener.open({ forward: "echo" });
      const ends = [opener.carry(near.accepted, ofOpener), (await carried.promise)()] as const;
      const plain = [near.accepted, far.dialled] as const;
      return { program: near.dialled, server: far.accepted, plain, ends };
    },
    [Symbol.asyncDispose]: async () => {
      await pair[Symbol.asyncDispose]();
      for (const each of pairs) await each[Symbol.asyncDispose]();
    },
  };
}

/** Hears a connection out. */
export async function hearOut(socket: Socket): Promise<Hearing> {
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  const how = await new Promise<string>((resolve) => {
    socket.once("end", () => resolve("end"));
    socket.once("error", (error) => resolve("code" in error ? String(error.code) : error.name));
    socket.once("close", () => resolve("close"));
  });
  return { bytes: Buffer.concat(parts), how };
}

/** Writes all of it, waiting where the connection has no room, and then ends its direction. */
export async function sayAll(socket: Socket, parts: Iterable<Buffer>): Promise<void> {
  for (const part of parts) {
    if (!socket.write(part)) await once(socket, "drain");
  }
  socket.end();
}
