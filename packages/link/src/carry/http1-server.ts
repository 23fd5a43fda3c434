import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { TautlineError, toProblem } from "@tautline/protocol";
import { Http1Caller } from "./http1-caller.ts";
import { ConnectionCalls, type Served, type ServedOptions } from "./served-connection.ts";
import type { CarrierLimits } from "./carrier.ts";

/** Slow heads are looked for so often, milliseconds. */
const CHECK_MS = 2_000;

/** Carries the calls of connections that speak HTTP/1.1. */
export interface Http1Server {
  serve(
    stream: Duplex,
    options: ServedOptions,
    onEnded: (reason: TautlineError) => void,
  ): Http1Connection;
  close(): void;
}

/**
 * Makes what serves HTTP/1.1; it listens nowhere.
 *
 * @param limits of each connection
 */
export function createHttp1Server(limits: CarrierLimits): Http1Server {
  const connections = new WeakMap<Duplex, Http1Connection>();
  const server: Server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.firstCallMs,
    // A body in which nothing moves is watched by its call.
    requestTimeout: 0,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: CHECK_MS,
    requireHostHeader: true,
    insecureHTTPParser: false,
  });
  server.maxHeadersCount = limits.headerFields;
  const start = (request: IncomingMessage, response: ServerResponse): void =>
    connections.get(request.socket)?.start(new Http1Caller(request, response));
  server.on("request", start);
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    response.writeContinue();
    start(request, response);
  });
  server.on("clientError", (error: Error, socket: Duplex) => {
    connections.get(socket)?.malformed(error);
  });
  // Without it a server that was never told to listen does not look for slow heads.
  server.emit("listening");
  return {
    serve: (stream, options, onEnded) => {
      const connection = new Http1Connection(stream, options, onEnded);
      connections.set(stream, connection);
      server.emit("connection", stream);
      return connection;
    },
    close: () => void server.close(),
  };
}

/** Carries the calls of one connection that speaks HTTP/1.1. */
export class Http1Connection implements Served {
  readonly #stream: Duplex;
  readonly #calls: ConnectionCalls;
  readonly #limits: CarrierLimits;
  readonly #onEnded: (reason: TautlineError) => void;
  #isDraining = false;
  #isEnding = false;

  constructor(stream: Duplex, options: ServedOptions, onEnded: (reason: TautlineError) => void) {
    this.#stream = stream;
    this.#limits = options.limits;
    this.#onEnded = onEnded;
    const onCall = (record: Parameters<ServedOptions["onCall"]>[0]): void => {
      options.onCall(record);
      if (this.#isDraining && this.counts.open === 0) this.#stream.end();
    };
    this.#calls = new ConnectionCalls({ ...options, onCall }, (timeoutMs, hadCalls) => {
      const code = hadCalls ? "carry.idle" : "carry.no_first_call";
      this.end(new TautlineError(code, { detail: { timeoutMs } }));
    });
    stream.once("close", () => {
      this.#calls.stop();
      this.#calls.fail(new TautlineError("carry.caller_lost"));
    });
  }

  get counts(): { readonly calls: number; readonly open: number } {
    return this.#calls.counts;
  }

  /** Carries one call. */
  start(caller: Http1Caller): void {
    this.#calls.start(caller);
  }

  /** What came is no HTTP/1.1 that is taken: says so, and ends. */
  malformed(error: Error): void {
    const code = String(Reflect.get(error, "code") ?? "");
    if (this.#stream.destroyed || code === "ECONNRESET") return void this.#stream.destroy();
    this.end(this.#nameMalformed(code, error));
  }

  end(reason: TautlineError): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#onEnded(reason);
    const hadOpen = this.counts.open > 0;
    this.#calls.fail(reason);
    if (this.#stream.destroyed) return;
    if (!hadOpen && this.#stream.writable) this.#stream.write(problemAnswer(reason));
    this.#stream.end(() => this.#stream.destroy());
  }

  drain(): void {
    this.#isDraining = true;
    if (this.counts.open === 0) this.#stream.end();
  }

  #nameMalformed(code: string, error: Error): TautlineError {
    if (code === "HPE_HEADER_OVERFLOW") {
      const detail = { limit: this.#limits.headerBytes };
      return new TautlineError("carry.headers_too_large", { detail, cause: error });
    }
    if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
      const detail = { timeoutMs: this.#limits.firstCallMs };
      return new TautlineError("carry.no_first_call", { detail, cause: error });
    }
    const reason = error.message;
    return new TautlineError("carry.not_http", { detail: { reason }, cause: error });
  }
}

/** A whole answer, for a connection on which no request could be read. */
function problemAnswer(reason: TautlineError): string {
  const body = JSON.stringify(toProblem(reason));
  const lines = [
    `HTTP/1.1 ${reason.status} Refused`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
