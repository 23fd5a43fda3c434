import { connect } from "node:net";
import { formatHostPort, type HostPort, nameTlsFailure } from "@tautline/link";
import type { TautlineError } from "@tautline/protocol";
import { type HttpWords, readHttpWords } from "./http-words.ts";

const MAX_ANSWER_BYTES = 16 * 1024;
const TLS_ALERT = 0x15;

/** How the other end answers a caller who does not secure anything. */
export type PlaintextAttempt =
  | {
      readonly reached: true;
      readonly answer: "http" | "tls-alert" | "other";
      readonly line: string;
      /** What an HTTP answer says; undefined for any other. */
      readonly words: HttpWords | undefined;
      /** All that came, as latin1. */
      readonly text: string;
    }
  | {
      readonly reached: true;
      readonly answer: "closed" | "silence";
      readonly line: "";
      readonly words?: undefined;
      readonly text?: undefined;
    }
  | { readonly reached: false; readonly error: TautlineError };

/**
 * Says one plain HTTP request and reports what comes back.
 *
 * @param address host and port
 * @param timeoutMs for the whole attempt
 */
export async function attemptPlaintext(
  address: HostPort,
  timeoutMs: number,
): Promise<PlaintextAttempt> {
  const { promise, resolve } = Promise.withResolvers<PlaintextAttempt>();
  const name = formatHostPort(address.host, address.port);
  const socket = connect({ host: address.host, port: address.port });
  let isConnected = false;
  let held = Buffer.alloc(0);
  const heard = (): PlaintextAttempt =>
    held.length === 0 ? { reached: true, answer: "closed", line: "" } : readBytes(held);
  const finish = (attempt: PlaintextAttempt): void => {
    clearTimeout(timer);
    socket.destroy();
    resolve(attempt);
  };
  const timer = setTimeout(() => {
    if (held.length > 0) return finish(heard());
    if (isConnected) return finish({ reached: true, answer: "silence", line: "" });
    const cause = Object.assign(new Error("not connected in time"), { code: "ETIMEDOUT" });
    return finish({ reached: false, error: nameTlsFailure(cause, { address: name, timeoutMs }) });
  }, timeoutMs);
  socket.once("connect", () => {
    isConnected = true;
    socket.write(httpRequest(address));
  });
  socket.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    if (!isHttp(held) || held.length >= MAX_ANSWER_BYTES) finish(heard());
  });
  socket.once("end", () => finish(heard()));
  socket.on("error", (cause) => {
    if (isConnected) finish(heard());
    else finish({ reached: false, error: nameTlsFailure(cause, { address: name, timeoutMs }) });
  });
  return await promise;
}

/**
 * Writes the request of a caller who wants nothing: a route without detail, and the end of the connection.
 *
 * @param address goes into the Host field
 */
export function httpRequest(address: HostPort): string {
  return `GET /healthz HTTP/1.1\r\nHost: ${formatHostPort(address.host, address.port)}\r\nConnection: close\r\n\r\n`;
}

/** Whether it may still become an HTTP answer, which is read to its end. */
function isHttp(bytes: Buffer): boolean {
  const start = "HTTP/";
  return start.startsWith(bytes.subarray(0, start.length).toString("latin1"));
}

function readBytes(bytes: Buffer): PlaintextAttempt {
  const text = bytes.subarray(0, MAX_ANSWER_BYTES).toString("latin1");
  const [line = ""] = text.split("\r\n");
  const words = readHttpWords(text);
  if (words !== undefined) return { reached: true, answer: "http", line: words.line, words, text };
  if (bytes[0] === TLS_ALERT) return { reached: true, answer: "tls-alert", line: "", words, text };
  return { reached: true, answer: "other", line, words, text };
}
