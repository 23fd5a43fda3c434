import type { LookupFunction } from "node:net";
import type { Duplex } from "node:stream";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { TautlineError } from "@tautline/protocol";
import { formatHostPort } from "./addresses.ts";
import { openTunnel, type Proxy } from "./proxy.ts";
import { nameTlsFailure } from "./tls-failure.ts";

/** Where to connect, by which way, and how long to try. */
export interface TlsTarget {
  readonly host: string;
  readonly port: number;
  /** For name lookup, proxy, connecting and handshake together. */
  readonly timeoutMs: number;
  /** Asked to connect further; TLS goes inside, to the other end alone. */
  readonly proxy?: Proxy | undefined;
  /** Looks names up at each dial; the system's own way unless told. */
  readonly lookup?: LookupFunction | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connects and finishes a TLS handshake. Who is at the other end is not looked at here: the caller proves it before it sends a byte.
 *
 * @param target where; the time limit holds for proxy, connection and handshake together
 * @param settings every TLS option
 * @throws link.timeout, link.cancelled, link.unreachable, link.not_tls, link.tls_version, link.handshake_cut,
 * link.handshake_failed, link.proxy_*
 */
export async function openTls(target: TlsTarget, settings: ConnectionOptions): Promise<TLSSocket> {
  const { host, port, timeoutMs, proxy, lookup } = target;
  const address = formatHostPort(host, port);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  const signals = [late.signal, ...(target.signal === undefined ? [] : [target.signal])];
  const signal = AbortSignal.any(signals);
  try {
    signal.throwIfAborted();
    const tunnel = proxy && (await openTunnel({ proxy, target: { host, port }, signal, lookup }));
    return await secure(target, { settings, tunnel, signal });
  } catch (error) {
    if (target.signal?.aborted === true) {
      throw new TautlineError("link.cancelled", { detail: { address }, cause: error });
    }
    if (late.signal.aborted) {
      throw new TautlineError("link.timeout", { detail: { address, timeoutMs }, cause: error });
    }
    throw nameTlsFailure(error, { address, timeoutMs });
  } finally {
    clearTimeout(timer);
  }
}

interface SecureOptions {
  readonly settings: ConnectionOptions;
  /** The connection that a proxy made; without it one is made here. */
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
