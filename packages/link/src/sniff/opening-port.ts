import { createServer, type Server, type Socket } from "node:net";
import { type Level, TautlineError, toTautlineError } from "@tautline/protocol";
import { formatHostPort } from "../addresses.ts";
import type { BasicRefusal } from "../basic/basic-refusal.ts";
import { MAX_CLIENT_HELLO_BYTES, readClientHello } from "./client-hello.ts";
import { readHandshake } from "./handshake-reader.ts";
import { type Opening, recogniseOpening } from "./opening.ts";
import { refuseInKind } from "./refuse-in-kind.ts";

/** Something that takes connections it did not accept itself: an un-listened `tls.Server`, for one. */
export interface ConnectionTaker {
  emit(event: "connection", socket: Socket): boolean;
}

/** What one port does with each kind of caller. */
export interface OpeningPortOptions {
  /** For the first bytes to tell what a caller speaks. */
  readonly openingTimeoutMs: number;
  /** Connections open at once, whatever they speak. */
  readonly maxConnections: number;
  /** Asked at each connection, so that a policy changes without a port being opened anew. */
  readonly accepts: (level: Level) => boolean;
  /** What a caller is told whose level is not accepted. */
  readonly explain: (level: Level) => BasicRefusal;
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
  /** A connection came to nothing; it is closed already. */
  readonly onFailed: (error: TautlineError, remoteAddress: string) => void;
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
    const address = formatHostPort(data?.remoteAddress ?? "unknown", data?.remotePort ?? 0);
    const detail = { address, limit: options.maxConnections };
    report(options, new TautlineError("link.too_many", { detail }), address);
  });
  return server;
}

async function route(socket: Socket, options: OpeningPortOptions): Promise<void> {
  const address = addressOf(socket);
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
    hand(socket, way, options, address);
  } catch (error) {
    socket.destroy();
    report(options, toTautlineError(error), address);
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

function hand(socket: Socket, way: Way, options: OpeningPortOptions, address: string): void {
  const level = levelOf(way);
  if (way === "unknown") throw new TautlineError("link.opening_unknown", { detail: { address } });
  if (level !== undefined && (!options.accepts(level) || (way === "http2" && !options.http2))) {
    const refusal = options.explain(level);
    refuseInKind(socket, way as "basic" | "advanced" | "http2", refusal);
    const detail = { address, level, text: refusal.text, code: refusal.code };
    report(options, new TautlineError("link.level_closed", { detail }), address);
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

function report(options: OpeningPortOptions, error: TautlineError, address: string): void {
  try {
    options.onFailed(error, address);
  } catch {
    // Whoever reports failures has nobody left to report its own to; the connection is closed already.
  }
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined || remotePort === undefined
    ? "an unknown address"
    : formatHostPort(remoteAddress, remotePort);
}
