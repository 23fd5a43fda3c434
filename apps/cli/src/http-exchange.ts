import { request, type IncomingMessage, type RequestOptions } from "node:http";
import type { Row } from "./row.ts";

/** A list of 100,000 agents fits; more means that what answers is not central. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** What central is asked. */
export interface Exchange {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With its query. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: Row;
}

/** What central answered, whatever its status. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A way to central: its admin socket, or its console port. Throws errors of ours only. */
export type Transport = (exchange: Exchange) => Promise<Answer>;

/** A way to an answer that has no end yet: its bytes are read as they come, and no faster. Throws errors of ours only. */
export type StreamTransport = (path: string, signal: AbortSignal) => Promise<StreamedAnswer>;

/** An answer that is still coming. */
export interface StreamedAnswer {
  readonly status: number;
  /** Throws errors of ours only. */
  readonly body: AsyncIterable<Buffer>;
}

/** An answer of more bytes than central ever sends. */
export class AnswerTooLong extends Error {}

/**
 * Asks once, over a connection that the options describe, and reads the answer whole.
 *
 * @param exchange what is asked
 * @param way where to; `headers` are added to ours
 * @param timeoutMs for everything
 * @returns status and text
 * @throws whatever node:http throws, AnswerTooLong
 */
export async function exchangeHttp(
  { method, path, body }: Exchange,
  way: Omit<RequestOptions, "headers"> & { readonly headers: Readonly<Record<string, string>> },
  timeoutMs: number,
): Promise<Answer> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = request({
    ...way,
    method,
    path,
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      ...way.headers,
      accept: "application/json, application/problem+json",
      ...(payload === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
    },
  });
  outgoing.on("response", resolve).on("error", reject).end(payload);
  const response = await promise;
  return { status: response.statusCode ?? 0, text: await readBody(response) };
}

/**
 * Asks once, and gives the answer as soon as it begins.
 *
 * @param path with its query
 * @param way where to
 * @param patience `timeoutMs` for the beginning of the answer; `signal` ends it at any time
 * @returns the answer; its body throws whatever node:http throws
 * @throws whatever node:http throws
 */
export async function openHttpStream(
  path: string,
  way: Omit<RequestOptions, "headers"> & { readonly headers: Readonly<Record<string, string>> },
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<{ readonly status: number; readonly body: AsyncIterable<Buffer> }> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new DOMException("no answer", "TimeoutError")),
    timeoutMs,
  );
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { ...way.headers, accept: "application/x-ndjson, application/problem+json" };
  const outgoing = request({
    ...way,
    path,
    headers,
    signal: AbortSignal.any([signal, late.signal]),
  });
  outgoing.on("response", resolve).on("error", reject).end();
  try {
    const response = await promise;
    return { status: response.statusCode ?? 0, body: response };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Reads an answer whole.
 *
 * @param response its bytes as they come
 * @throws AnswerTooLong
 */
export async function readBody(response: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) {
      throw new AnswerTooLong(`it has more than ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** How a request is named in an error: without its query. */
export function requestName({ method, path }: Exchange): string {
  return `${method} ${path.split("?")[0]}`;
}
