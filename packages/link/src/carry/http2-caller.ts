import { constants, type ServerHttp2Stream } from "node:http2";
import type { IncomingHttpHeaders } from "node:http";
import type { Writable } from "node:stream";
import { TautlineError, toProblem } from "@tautline/protocol";
import type { Caller } from "./caller.ts";
import { grpcTrailers } from "./grpc-status.ts";
import type { RawHeaders } from "./header-rules.ts";
import { problemHeaders } from "./problem-headers.ts";
import { resetName } from "./reset-name.ts";

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_INTERNAL_ERROR } = constants;
const END_STREAM = 1;
/** What is left of a request's body after its answer is read away for so long. */
const LINGER_MS = 1_000;
/** And so much of it at most: who sends a message that is too long sends on, as fast as it is read. */
const MOST_REST_BYTES = 256 * 1024;

/** A call that came by HTTP/2. */
export class Http2Caller implements Caller {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: RawHeaders;
  readonly ends: boolean;
  readonly body: ServerHttp2Stream;
  onGone: ((reason: TautlineError, resetCode: number) => void) | undefined;
  #trailers: Readonly<Record<string, string | string[]>> = {};
  #isOver = false;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    flags: number,
    rawHeaders: RawHeaders,
  ) {
    this.body = stream;
    this.method = String(headers[":method"]);
    this.path = String(headers[":path"] ?? "");
    this.authority = String(headers[":authority"] ?? headers.host ?? "");
    this.headers = headers;
    this.rawHeaders = rawHeaders;
    this.ends = (flags & END_STREAM) !== 0;
    // A stream's error is told by its close as well; without a listener it would end the process.
    stream.on("error", ignore);
    stream.on("aborted", () => this.#gone());
    stream.on("close", () => this.#gone());
    if (headers.expect === "100-continue") stream.additionalHeaders({ ":status": 100 });
  }

  answer(status: number, headers: RawHeaders, ends: boolean): Writable {
    const stream = this.body;
    if (stream.destroyed || stream.closed) return stream;
    const raw = [":status", String(status), ...headers];
    // The backend's own date passes, and none is added.
    const options = { endStream: ends, waitForTrailers: !ends, sendDate: false };
    stream.respond(raw, options);
    if (ends) this.#isOver = true;
    else stream.on("wantTrailers", () => this.#sendTrailers());
    if (ends) this.#dropRest();
    return stream;
  }

  finish(trailers: Readonly<Record<string, string | string[]>> | undefined): void {
    this.#isOver = true;
    if (trailers !== undefined) this.#trailers = trailers;
    this.body.end();
    this.#dropRest();
  }

  fail(error: TautlineError, isGrpc: boolean): void {
    const stream = this.body;
    if (stream.destroyed || stream.closed) return;
    if (stream.headersSent && !isGrpc) return this.reset(NGHTTP2_INTERNAL_ERROR);
    if (stream.headersSent) return this.finish(grpcTrailers(error));
    if (isGrpc) {
      const trailers = Object.entries(grpcTrailers(error)).flat();
      this.answer(200, ["content-type", "application/grpc", ...trailers], true);
      return;
    }
    const body = Buffer.from(JSON.stringify(toProblem(error)));
    this.answer(error.status, problemHeaders(error, body.length), this.method === "HEAD");
    if (this.method !== "HEAD") {
      stream.write(body);
      this.finish(undefined);
    }
  }

  reset(code: number): void {
    this.#isOver = true;
    this.body.close(code);
  }

  #sendTrailers(): void {
    // Of an answer that nobody ended there are none.
    if (this.body.destroyed || this.body.closed) return;
    try {
      this.body.sendTrailers(this.#trailers);
    } catch {
      // Something in them is not HTTP/2: the answer is not whole.
      this.body.close(NGHTTP2_INTERNAL_ERROR);
    }
  }

  #gone(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const code = this.body.rstCode;
    const session = this.body.session;
    const isLost = session === undefined || session.destroyed || code === NGHTTP2_NO_ERROR;
    const reason = isLost
      ? new TautlineError("carry.caller_lost")
      : new TautlineError("carry.cancelled", { detail: { reason: resetName(code) } });
    this.onGone?.(reason, isLost ? NGHTTP2_CANCEL : code);
  }

  /** A caller may still be sending when its answer is whole; it is let end for a moment, then told to stop (RFC 9113 section 8.1). */
  #dropRest(): void {
    const stream = this.body;
    if (stream.readableEnded || stream.destroyed) return;
    if (this.ends) return void stream.resume();
    let restBytes = 0;
    stream.on("data", (chunk: Buffer) => {
      restBytes += chunk.length;
      if (restBytes > MOST_REST_BYTES) stream.close(NGHTTP2_NO_ERROR);
    });
    stream.resume();
    const timer = setTimeout(() => stream.close(NGHTTP2_NO_ERROR), LINGER_MS);
    const stop = (): void => clearTimeout(timer);
    stream.once("end", stop);
    stream.once("close", stop);
  }
}

function ignore(): void {}
