import type { Server, Socket } from "node:net";
import type { Logger } from "@tautline/daemon";
import { closeServer, type HostPort, listenOn } from "@tautline/link";
import type { ListenerBind } from "./listener-settings.ts";

/** Where a port is to be opened. */
export interface PortPlace {
  readonly bind: Exclude<ListenerBind, "off">;
  /** Address of a public one. */
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
}

/** A port that listens. */
export interface OpenPort {
  /** The addresses really taken; of loopback IPv4 first. */
  readonly addresses: readonly HostPort[];
  /** Listens no longer; connections that stand are not touched. Resolves when the last of them has ended. */
  close(): Promise<void>;
  /** Ends whatever connections there still are. */
  cut(): void;
}

const LOOPBACK = ["127.0.0.1", "::1"] as const;
/** A host without IPv6 has no ::1; its loopback is the other one. */
const NO_SUCH_ADDRESS: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT"]);
/** A port that is free on one of the two addresses is almost always free on the other. */
const MOST_TRIES = 10;

/**
 * Opens a port: on one address, or, for this host alone, on both loopback addresses (QM-13).
 *
 * @param place where
 * @param make gives a server that does not listen yet, one for each address
 * @param log told of later failures
 * @throws Node's own error (EADDRINUSE, EACCES ...); nothing listens then
 */
export async function openPort(
  place: PortPlace,
  make: () => Server,
  log: Logger,
): Promise<OpenPort> {
  const { bind, host, port } = place;
  if (bind === "public") return openedOf([await listenAt(make(), { host, port }, log)]);
  for (let tries = 1; ; tries += 1) {
    const first = await listenAt(make(), { host: LOOPBACK[0], port }, log);
    try {
      const at = { host: LOOPBACK[1], port: first.address.port };
      return openedOf([first, await listenAt(make(), at, log)]);
    } catch (error) {
      const code = String((error as NodeJS.ErrnoException).code);
      if (NO_SUCH_ADDRESS.has(code)) return openedOf([first]);
      const refused = openedOf([first]);
      const closed = refused.close();
      refused.cut();
      await closed;
      if (port !== 0 || code !== "EADDRINUSE" || tries === MOST_TRIES) throw error;
    }
  }
}

interface Listening {
  readonly server: Server;
  readonly address: HostPort;
  readonly sockets: ReadonlySet<Socket>;
}

async function listenAt(server: Server, at: HostPort, log: Logger): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const address = await listenOn(server, at);
  // Out of descriptors, for one: the port goes on when there are some again.
  server.on("error", (error) => log.error({ err: error }, "a port had a failure"));
  return { server, address, sockets };
}

function openedOf(listening: readonly Listening[]): OpenPort {
  return {
    addresses: listening.map(({ address }) => address),
    close: async () => {
      await Promise.all(listening.map(({ server }) => closeServer(server)));
    },
    cut: () => {
      for (const { sockets } of listening) for (const socket of sockets) socket.destroy();
    },
  };
}
