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

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
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
