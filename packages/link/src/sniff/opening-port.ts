import { createServer, type Server, type Socket } from "node:net";
import { type Level, TautlineError, toTautlineError } from "@tautline/protocol";
import { formatHostPort } from "../addresses.ts";
import type { BasicRefusal } from "../basic/basic-refusal.ts";
import { MAX_CLIENT_HELLO_BYTES, readClientHello } from "./client-hello.ts";
import { readHandshake } from "./handshake-reader.ts";
import { type Opening, recogniseOpening } from "./opening.ts";
import { noteOpened } from "./opening-time.ts";
import { refuseInKind } from "./refuse-in-kind.ts";

/** Something that takes connections it did not accept itself: an un-listened `tls.Server`, for one. */
export interface ConnectionTaker {
  emit(event: "connection", socket: Socket): boolean;
}

/** What one port does with each kind of caller. */
export interface OpeningPortOptions {
  /** For the first bytes to tell what a caller speaks. */
  readonly openingTimeoutMs: number;
  /** Milliseconds since 1970. With it the time that a caller took to tell counts as time of its handshake. */
  readonly now?: (() => number) | undefined;
  /** Connections open at once, whatever they speak. */
  readonly maxConnections: number;
  /** Asked at each connection, so that a policy changes without a port being opened anew. */
  readonly accepts: (level: Level) => boolean;
  /** What a caller is told whose level is not accepted, or who speaks HTTP/2 where that is not spoken. */
  readonly explain: (level: Level, spoken: "basic" | "advanced" | "http2") => BasicRefusal;
  /** HTTP/1 in clear; it judges the level itself and refuses in HTTP. */
  readonly plain: ConnectionTaker;
  /** HTTP/2 in clear; refused where there is none. */
  readonly http2?: ConnectionTaker | undefined;
  /** TLS with certificates; it finishes the handshake and lets the protocol inside refuse. */
  readonly certificates: ConnectionTaker;
  /** TLS with a pre-shared key. */
  readonly advanced: ConnectionTaker;
  /** The level `basic`; its first bytes are unread. */
  readonly basic: ConnectionTaker;
  /** A connection came to nothing; it is closed already. `address` is "host:port", `remoteAddress` the host alone. */
  readonly onFailed: (error: TautlineError, address: string, remoteAddress: string) => void;
}

/** Where a connection goes. */
type Way = Exclude<Opening, "tls"> | "certificates" | "advanced";

/**
 * Makes a port on which every level can be spoken at once: the first bytes of each connection tell which it is (DESIGN section 4).
 *
 * @param options who takes which kind
 * @returns a server that does not listen yet
 */
export function createOpeningPort(options: OpeningPortOptions): Server {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  server.maxConnections = options.maxConnections;
  server.on("connection", (socket) => void route(socket, options));
  server.on("drop", (data) => {
    const remoteAddress = data?.remoteAddress ?? "unknown";
    const address = formatHostPort(remoteAddress, data?.remotePort ?? 0);
    const detail = { address, limit: options.maxConnections };
    report(options, new TautlineError("link.too_many", { detail }), { address, remoteAddress });
  });
  return server;
}

async function route(socket: Socket, options: OpeningPortOptions): Promise<void> {
  const from = callerOf(socket);
  const { address } = from;
  if (options.now !== undefined) noteOpened(socket, options.now());
  try {
    const wait = {
      address,
      timeoutMs: options.openingTimeoutMs,
      maxBytes: 2 * MAX_CLIENT_HELLO_BYTES,
    };
    const way = await readHandshake(socket, wait, (bytes) => {
      const part = wayOf(bytes);
      return part === undefined ? undefined : { part, length: 0 };
    });
    hand(socket, way, options, from);
  } catch (error) {
    socket.destroy();
    report(options, toTautlineError(error), from);
  }
}

/** Undefined while more is needed to tell. */
function wayOf(bytes: Buffer): Way | undefined {
  const opening = recogniseOpening(bytes);
  if (opening !== "tls") return opening;
  const reading = readClientHello(bytes);
  if (reading.kind === "more") return undefined;
  // OpenSSL says in its own alert what is wrong with it.
  if (reading.kind === "malformed") return "certificates";
  const { offersPsk, knowsTls13, offersPskSuite } = reading.hello;
  return offersPsk || (!knowsTls13 && offersPskSuite) ? "advanced" : "certificates";
}

function hand(socket: Socket, way: Way, options: OpeningPortOptions, from: CallerAddress): void {
  const { address } = from;
  const level = levelOf(way);
  if (way === "unknown") throw new TautlineError("link.opening_unknown", { detail: { address } });
  if (level !== undefined && (!options.accepts(level) || (way === "http2" && !options.http2))) {
    const spoken = way as "basic" | "advanced" | "http2";
    const refusal = options.explain(level, spoken);
    refuseInKind(socket, spoken, refusal);
    const detail = { address, level, ...refusal };
    report(options, new TautlineError("link.level_closed", { detail }), from);
    return;
  }
  takerOf(way, options).emit("connection", socket);
}

/** The level that is judged here; where the protocol inside can say it better, it is judged there. */
function levelOf(way: Way): Level | undefined {
  if (way === "basic" || way === "advanced") return way;
  return way === "http2" ? "plaintext" : undefined;
}

function takerOf(way: Exclude<Way, "unknown">, options: OpeningPortOptions): ConnectionTaker {
  if (way === "http2") return options.http2 ?? options.plain;
  return way === "http" ? options.plain : options[way];
}

function report(
  options: OpeningPortOptions,
  error: TautlineError,
  { address, remoteAddress }: CallerAddress,
): void {
  try {
    options.onFailed(error, address, remoteAddress);
  } catch {
    // Whoever reports failures has nobody left to report its own to; the connection is closed already.
  }
}

/** Where a caller is: "host:port", and the host alone. */
interface CallerAddress {
  readonly address: string;
  readonly remoteAddress: string;
}

/** Kept from the beginning: of a socket that was closed nothing is known any more. */
function callerOf({ remoteAddress, remotePort }: Socket): CallerAddress {
  return remoteAddress === undefined || remotePort === undefined
    ? { address: "an unknown address", remoteAddress: "unknown" }
    : { address: formatHostPort(remoteAddress, remotePort), remoteAddress };
}
