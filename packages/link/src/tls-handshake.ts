import type { LookupFunction } from "node:net";
import type { Duplex } from "node:stream";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { type DialDeadline, dialWithin } from "./dial-deadline.ts";
import { openTunnel, type Proxy } from "./proxy.ts";

/** Where to connect, by which way, and how long to try. */
export interface TlsTarget extends DialDeadline {
  /** Asked to connect further; TLS goes inside, to the other end alone. */
  readonly proxy?: Proxy | undefined;
  /** A connection to the host that was made already; nothing may have been said over it. */
  readonly socket?: Duplex | undefined;
  /** Looks names up at each dial; the system's own way unless told. */
  readonly lookup?: LookupFunction | undefined;
}

/**
 * Connects and finishes a TLS handshake. Who is at the other end is not looked at here: the caller proves it before it sends a byte.
 *
 * @param target where; the time limit holds for proxy, connection and handshake together
 * @param settings every TLS option
 * @throws link.timeout, link.cancelled, link.unreachable, link.not_tls, link.tls_version, link.handshake_cut,
 * link.handshake_failed, link.proxy_*
 */
export function openTls(target: TlsTarget, settings: ConnectionOptions): Promise<TLSSocket> {
  const { host, port, proxy, socket, lookup } = target;
  return dialWithin(target, async (signal) => {
    const tunnel =
      socket ?? (proxy && (await openTunnel({ proxy, target: { host, port }, signal, lookup })));
    return await secure(target, { settings, tunnel, signal });
  });
}

interface SecureOptions {
  readonly settings: ConnectionOptions;
  /** A connection that there is already; without it one is made here. */
  readonly tunnel: Duplex | undefined;
  readonly signal: AbortSignal;
}

function secure(
  { host, port, lookup }: TlsTarget,
  { settings, tunnel, signal }: SecureOptions,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    // Nothing is cached: the name is looked up at each dial, and of several addresses the next is tried while one is silent (RFC 8305).
    const direct = { host, port, ...(lookup && { lookup }) };
    const way: ConnectionOptions = tunnel === undefined ? direct : { socket: tunnel };
    const socket = connect({ ...settings, ...way }).setNoDelay();
    const settle = (error?: unknown): void => {
      signal.removeEventListener("abort", cancel);
      if (error === undefined) {
        resolve(socket);
      } else {
        socket.destroy();
        tunnel?.destroy();
        reject(error);
      }
    };
    const cancel = (): void => {
      settle(signal.reason);
    };
    signal.addEventListener("abort", cancel, { once: true });
    socket.once("secureConnect", () => {
      settle();
    });
    // Stays for the socket's life: a reset must not end the process before its user listens.
    socket.on("error", settle);
  });
}
