import { once } from "node:events";
import { chmodSync, lstatSync, rmSync, type Stats } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { requireSocketPath } from "../socket-path.ts";
import { formatListenAddress, type ListenAddress } from "./listen-address.ts";

/** Where a forward listens, and who takes what connects. */
export interface LocalListenerOptions {
  /** Name of the forward, for people. */
  readonly forward: string;
  /** A path is absolute. */
  readonly address: ListenAddress;
  /** Of a Unix socket; 0600 unless told. */
  readonly mode?: number | undefined;
  /** Takes a connection from which nothing was read, and whose directions end one by one; it listens to its errors. */
  readonly onConnection: (plain: Socket) => void;
  /** Told where a connection could not be taken, such as for want of descriptors; it goes on listening. */
  readonly onProblem: (error: TautlineError) => void;
}

/** The open end of a forward on this host. */
export interface LocalListener {
  /** With the port it was given where any free one would do. */
  readonly address: ListenAddress;
  /** Takes no more connections; those that were taken go on. */
  close(): void;
}

/**
 * Opens the local end of a forward.
 *
 * @param options where, and who takes what connects
 * @throws agent.forward_listen_failed, agent.forward_socket_alive, agent.forward_socket_foreign, agent.socket_path_too_long
 */
export async function openLocalListener(options: LocalListenerOptions): Promise<LocalListener> {
  const { address, onConnection, onProblem } = options;
  // Not a byte is read before there is somewhere to send it: until then it is the system that holds the program back.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, onConnection);
  try {
    if (address.kind === "unix") await listenAtPath(server, address.path, options);
    else await listenAtPort(server, address);
  } catch (error) {
    server.close();
    throw isTautlineError(error) ? error : failed(options, error);
  }
  server.on("error", (error) => onProblem(failed(options, error)));
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return {
    address: address.kind === "unix" ? address : { ...address, port },
    close: () => void server.close(),
  };
}

async function listenAtPort(
  server: Server,
  { host, port }: Extract<ListenAddress, { kind: "tcp" }>,
): Promise<void> {
  server.listen({ host, port, ipv6Only: true });
  await once(server, "listening");
}

async function listenAtPath(
  server: Server,
  path: string,
  options: LocalListenerOptions,
): Promise<void> {
  requireSocketPath(path);
  await removeStale(path, options);
  const { mode = 0o600 } = options;
  // The socket is made within this call; it must not stand open for a moment until its mode is set.
  const before = process.umask(0o177);
  try {
    server.listen({ path });
  } finally {
    process.umask(before);
  }
  await once(server, "listening");
  chmodSync(path, mode);
}

/** A socket that this user left behind when it was killed is nobody's any more; anything else is left as it is. */
async function removeStale(path: string, options: LocalListenerOptions): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  const reason = whyForeign(there);
  if (reason !== undefined) {
    throw new TautlineError("agent.forward_socket_foreign", {
      detail: { ...named(options), reason },
    });
  }
  if (await isAlive(path)) {
    throw new TautlineError("agent.forward_socket_alive", { detail: named(options) });
  }
  rmSync(path, { force: true });
}

function whyForeign(there: Stats): string | undefined {
  if (!there.isSocket()) return "something that is no socket is there";
  return there.uid === process.getuid?.() ? undefined : "the socket there is another user's";
}

/** Whatever is not plainly dead counts as living: a full queue or a lack of rights says nothing of its end. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asking = connect({ path });
    asking.on("connect", () => {
      asking.destroy();
      resolve(true);
    });
    asking.on("error", (error) => resolve(Reflect.get(error, "code") !== "ECONNREFUSED"));
  });
}

function failed(options: LocalListenerOptions, cause: unknown): TautlineError {
  const code: unknown = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
  const reason = typeof code === "string" ? code : "it cannot be made";
  return new TautlineError("agent.forward_listen_failed", {
    cause,
    detail: { ...named(options), reason },
  });
}

function named({ forward, address }: LocalListenerOptions): { forward: string; address: string } {
  return { forward, address: formatListenAddress(address) };
}
