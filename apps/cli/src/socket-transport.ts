import { join, relative } from "node:path";
import { TautlineError } from "@tautline/protocol";
import {
  AnswerTooLong,
  type Exchange,
  exchangeHttp,
  openHttpStream,
  requestName,
  type StreamTransport,
  type Transport,
} from "./http-exchange.ts";
import { systemReason } from "./input-file.ts";
import { explaining } from "./explaining.ts";

/** What the kernel takes for a socket's path (sun_path in unix(7), less the final zero). */
const LONGEST_SOCKET_PATH = 107;

/** Where an admin socket is. */
export interface SocketPlace {
  /** Absolute path of central's data folder. */
  readonly dataDir: string;
  /** The caller's folder, from which the way to the socket may be shorter. */
  readonly cwd: string;
  /** For an answer. */
  readonly timeoutMs: number;
}

/**
 * The way to a central over the socket in its data folder.
 *
 * @param place where, and how long to wait
 * @returns throws cli.central_not_running, cli.admin_socket_denied, cli.admin_socket_failed, cli.central_silent,
 *   cli.central_unreadable
 */
export function socketTransport(place: SocketPlace): Transport {
  const socketPath = adminSocketPath(place);
  // No agent: a connection kept from an earlier call may belong to a central that has stopped since.
  const way = { socketPath, agent: false, headers: { host: "localhost" } };
  return async (exchange) => {
    try {
      return await exchangeHttp(exchange, way, place.timeoutMs);
    } catch (cause) {
      throw explainTransport(cause, exchange, place);
    }
  };
}

/**
 * The same for an answer that is read as it comes.
 *
 * @param place where, and how long to wait for its beginning
 */
export function socketStream(place: SocketPlace): StreamTransport {
  const socketPath = adminSocketPath(place);
  const way = { socketPath, agent: false, headers: { host: "localhost" } };
  return async (path, signal) => {
    const explain = (cause: unknown): TautlineError =>
      explainTransport(cause, { method: "GET", path }, place);
    try {
      const { status, body } = await openHttpStream(path, way, { ...place, signal });
      return { status, body: explaining(body, explain) };
    } catch (cause) {
      throw explain(cause);
    }
  };
}

/**
 * Names what went wrong on the way to an admin socket.
 *
 * @param cause what Node reported
 * @param exchange what was asked
 * @param place where
 * @returns cli.central_not_running, cli.admin_socket_denied, cli.admin_socket_failed, cli.central_silent, cli.central_unreadable
 */
export function explainTransport(
  cause: unknown,
  exchange: Exchange,
  { dataDir, timeoutMs }: SocketPlace,
): TautlineError {
  const path = join(dataDir, "admin.sock");
  if (cause instanceof Error && (cause.name === "TimeoutError" || cause.name === "AbortError")) {
    return new TautlineError("cli.central_silent", {
      cause,
      detail: { request: requestName(exchange), seconds: Math.ceil(timeoutMs / 1000) },
    });
  }
  if (cause instanceof AnswerTooLong) {
    const detail = { request: requestName(exchange), reason: cause.message };
    return new TautlineError("cli.central_unreadable", { cause, detail });
  }
  switch ((cause as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ENOTDIR":
    case "ECONNREFUSED":
      return new TautlineError("cli.central_not_running", { cause, detail: { dataDir } });
    case "EACCES":
    case "EPERM":
      return new TautlineError("cli.admin_socket_denied", { cause, detail: { path } });
    default:
      return new TautlineError("cli.admin_socket_failed", {
        cause,
        detail: { path, reason: systemReason(cause) },
      });
  }
}

/**
 * The path of an admin socket, the shortest there is.
 *
 * @param place where
 */
export function adminSocketPath({ dataDir, cwd }: Pick<SocketPlace, "dataDir" | "cwd">): string {
  return shortestPath(join(dataDir, "admin.sock"), cwd);
}

/** A socket's path is bounded by the kernel; the way from the caller's folder may be the shorter one. */
function shortestPath(path: string, cwd: string): string {
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_PATH) return path;
  const fromHere = relative(cwd, path);
  return fromHere.length < path.length ? fromHere : path;
}
