import { connect, Socket, type LookupFunction } from "node:net";
import { TautlineError } from "@tautline/protocol";
import { formatHostPort } from "./addresses.ts";
import { openTunnel, type Proxy } from "./proxy.ts";

/** Where a connection goes, and by which way. */
export interface ConnectTcpOptions {
  readonly host: string;
  readonly port: number;
  /** Asked to connect further; without it the address is connected to directly. */
  readonly proxy?: Proxy | undefined;
  /** Looks names up at each dial; the system's own way unless told. */
  readonly lookup?: LookupFunction | undefined;
  /** Aborts the try. */
  readonly signal: AbortSignal;
}

/**
 * Opens a TCP connection, through a proxy where there is one, over which nothing was said yet: what the levels below `tls` begin
 * with. Each direction of it ends by itself. It has a listener for errors, so that a reset before its user listens ends no process.
 *
 * @throws link.proxy_* for a proxy, link.unreachable for a reset; else what Node reports, to be named by `dialWithin`
 */
export async function connectTcp(options: ConnectTcpOptions): Promise<Socket> {
  const { host, port, proxy, lookup, signal } = options;
  if (proxy === undefined) return connectDirectly(options);
  const tunnel = await openTunnel({ proxy, target: { host, port }, signal, lookup });
  if (!(tunnel instanceof Socket)) {
    tunnel.destroy();
    throw new TautlineError("internal.unexpected");
  }
  if (tunnel.destroyed) {
    const detail = { address: formatHostPort(host, port) };
    throw new TautlineError("link.handshake_cut", { detail });
  }
  tunnel.allowHalfOpen = true;
  return tunnel.setNoDelay();
}

function connectDirectly({ host, port, lookup, signal }: ConnectTcpOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const way = { host, port, allowHalfOpen: true, noDelay: true, ...(lookup && { lookup }) };
    // Nothing is cached: the name is looked up at each dial, and of several addresses the next is tried while one is silent (RFC 8305).
    const socket = connect(way);
    const settle = (error?: unknown): void => {
      signal.removeEventListener("abort", cancel);
      if (error === undefined) return resolve(socket);
      socket.destroy();
      reject(error);
    };
    const cancel = (): void => settle(signal.reason);
    signal.addEventListener("abort", cancel, { once: true });
    socket.once("connect", () => settle());
    // Stays for the socket's life.
    socket.on("error", (error) => settle(nameReset(error, { host, port })));
    if (signal.aborted) cancel();
  });
}

/** A reset that comes with the connection cut no handshake: none has begun, and at the levels below `tls` none may follow. */
function nameReset(error: Error, { host, port }: { host: string; port: number }): Error {
  if (Reflect.get(error, "code") !== "ECONNRESET") return error;
  const detail = { address: formatHostPort(host, port), reason: "the connection was reset" };
  return new TautlineError("link.unreachable", { cause: error, detail });
}
