import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { constants } from "node:http2";
import type { Writable } from "node:stream";
import { TautlineError, toProblem } from "@tautline/protocol";
import type { Caller } from "./caller.ts";
import type { RawHeaders } from "./header-rules.ts";
import { problemHeaders } from "./problem-headers.ts";

const { NGHTTP2_CANCEL } = constants;

/** A call that came by HTTP/1.1. */
export class Http1Caller implements Caller {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: RawHeaders;
  readonly ends: boolean;
  readonly body: IncomingMessage;
  onGone: ((reason: TautlineError, resetCode: number) => void) | undefined;
  readonly #response: ServerResponse;
  #isOver = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.body = request;
    this.#response = response;
    this.method = request.method ?? "";
    this.path = request.url ?? "";
    this.headers = request.headers;
    this.authority = request.headers.host ?? "";
    this.rawHeaders = request.rawHeaders;
    const { headers } = request;
    this.ends =
      headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0;
    request.on("error", ignore);
    response.on("error", ignore);
    response.on("close", () => {
      if (this.#isOver) return;
      this.#isOver = true;
      this.onGone?.(new TautlineError("carry.caller_lost"), NGHTTP2_CANCEL);
    });
  }

  answer(status: number, headers: RawHeaders, ends: boolean): Writable {
    const response = this.#response;
    if (response.headersSent || response.destroyed) return response;
    response.sendDate = false;
    response.writeHead(status, [...headers]);
    if (ends) {
      this.#isOver = true;
      response.end();
      this.#dropRest();
    } else response.flushHeaders();
    return response;
  }

  finish(trailers: Readonly<Record<string, string | string[]>> | undefined): void {
    this.#isOver = true;
    if (trailers !== undefined) {
      try {
        this.#response.addTrailers(Object.entries(trailers).flatMap(pairsOf));
      } catch {
        // Something in them is not HTTP/1.1: the answer is not whole.
        return this.reset();
      }
    }
    this.#response.end();
    this.#dropRest();
  }

  fail(error: TautlineError): void {
    const response = this.#response;
    if (response.destroyed || response.writableEnded) return;
    // Without the end of its body an answer is not whole: the connection has to go.
    if (response.headersSent) return this.reset();
    const body = Buffer.from(JSON.stringify(toProblem(error)));
    const rest = this.body.complete || this.ends ? [] : ["connection", "close"];
    this.answer(error.status, [...problemHeaders(error, body.length), ...rest], false);
    if (this.method !== "HEAD") response.write(body);
    this.finish(undefined);
  }

  reset(): void {
    this.#isOver = true;
    const { socket } = this.body;
    if ("resetAndDestroy" in socket && !("encrypted" in socket)) socket.resetAndDestroy();
    else socket.destroy();
  }

  #dropRest(): void {
    if (!this.body.readableEnded) this.body.resume();
  }
}

function pairsOf([name, value]: [string, string | string[]]): [string, string][] {
  return [value].flat().map((one) => [name, one]);
}

function ignore(): void {}
