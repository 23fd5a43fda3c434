import type { TLSSocket } from "node:tls";
import { dialPinned, formatHostPort, nameHttpFailure } from "@tautline/link";
import { fromHex, isTautlineError, TautlineError } from "@tautline/protocol";
import {
  AnswerTooLong,
  type Exchange,
  exchangeHttp,
  openHttpStream,
  requestName,
  type StreamTransport,
  type Transport,
} from "../http-exchange.ts";
import { explaining } from "../explaining.ts";
import type { StoredContext } from "./context-store.ts";

/** Clock and patience. */
export interface ContextTransportOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** For connecting, and again for an answer. */
  readonly timeoutMs: number;
}

/**
 * The way to central's console port: it proves itself by the pinned root and its SPIFFE ID, whatever its address, before the token is
 * sent.
 *
 * @param context where, which root, and whose token
 * @param options clock and patience
 * @returns throws cli.root_mismatch, cli.central_silent, cli.central_unreadable, link.*
 */
export function contextTransport(
  context: Omit<StoredContext, "operator">,
  options: ContextTransportOptions,
): Transport {
  const { host, port, token } = context;
  const headers = {
    host: formatHostPort(host, port),
    authorization: `Bearer ${token}`,
    connection: "close",
  };
  return async (exchange) => {
    const socket = await dialContext(context, options);
    try {
      const way = { headers, createConnection: () => socket };
      return await exchangeHttp(exchange, way, options.timeoutMs);
    } catch (cause) {
      throw explain(cause, exchange, { address: headers.host, timeoutMs: options.timeoutMs });
    } finally {
      socket.destroy();
    }
  };
}

/**
 * The same for an answer that is read as it comes.
 *
 * @param context where, which root, and whose token
 * @param options clock and patience
 */
export function contextStream(
  context: Omit<StoredContext, "operator">,
  options: ContextTransportOptions,
): StreamTransport {
  const { host, port, token } = context;
  const address = formatHostPort(host, port);
  const headers = { host: address, authorization: `Bearer ${token}`, connection: "close" };
  const { timeoutMs } = options;
  return async (path, signal) => {
    const socket = await dialContext(context, options);
    const explained = (cause: unknown): TautlineError =>
      explain(cause, { method: "GET", path }, { address, timeoutMs });
    try {
      const way = { headers, createConnection: () => socket };
      const { status, body } = await openHttpStream(path, way, { timeoutMs, signal });
      return { status, body: explaining(body, explained, () => socket.destroy()) };
    } catch (cause) {
      socket.destroy();
      throw explained(cause);
    }
  };
}

/**
 * Dials central's console port.
 *
 * @param context where, and which root proves it
 * @param options clock and patience
 * @throws cli.root_mismatch, link.*
 */
export async function dialContext(
  { name, host, port, rootPin, trustDomain }: Omit<StoredContext, "operator">,
  { now, timeoutMs }: ContextTransportOptions,
): Promise<TLSSocket> {
  try {
    const pins = [fromHex(rootPin)];
    const { socket } = await dialPinned({ host, port, trustDomain, pins, timeoutMs, now });
    return socket;
  } catch (cause) {
    if (!isTautlineError(cause) || cause.code !== "link.pin_mismatch") throw cause;
    const detail = { address: formatHostPort(host, port), who: `context '${name}'` };
    throw new TautlineError("cli.root_mismatch", { cause, detail });
  }
}

function explain(
  cause: unknown,
  exchange: Exchange,
  { address, timeoutMs }: { readonly address: string; readonly timeoutMs: number },
): TautlineError {
  const request = requestName(exchange);
  if (cause instanceof AnswerTooLong) {
    const detail = { request, reason: cause.message };
    return new TautlineError("cli.central_unreadable", { cause, detail });
  }
  if (cause instanceof Error && (cause.name === "TimeoutError" || cause.name === "AbortError")) {
    const detail = { request, seconds: Math.ceil(timeoutMs / 1000) };
    return new TautlineError("cli.central_silent", { cause, detail });
  }
  return nameHttpFailure(cause, address);
}
