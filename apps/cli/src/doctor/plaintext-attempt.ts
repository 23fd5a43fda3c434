import { connect } from "node:net";
import { formatHostPort, type HostPort, nameTlsFailure } from "@tautline/link";
import type { TautlineError } from "@tautline/protocol";

const MAX_ANSWER_BYTES = 4096;
const TLS_ALERT = 0x15;

/** How the other end answers a caller who does not secure anything. */
export type PlaintextAttempt =
  | {
      readonly reached: true;
      readonly answer: "http" | "tls-alert" | "other";
      readonly line: string;
    }
  | { readonly reached: true; readonly answer: "closed" | "silence"; readonly line: "" }
  | { readonly reached: false; readonly error: TautlineError };

/**
 * Says one plain HTTP request and reports the first bytes that come back.
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
  const finish = (attempt: PlaintextAttempt): void => {
    clearTimeout(timer);
    socket.destroy();
    resolve(attempt);
  };
  const timer = setTimeout(() => {
    if (isConnected) return finish({ reached: true, answer: "silence", line: "" });
    const cause = Object.assign(new Error("not connected in time"), { code: "ETIMEDOUT" });
    return finish({ reached: false, error: nameTlsFailure(cause, { address: name, timeoutMs }) });
  }, timeoutMs);
  socket.once("connect", () => {
    isConnected = true;
    socket.write(httpRequest(address));
  });
  socket.once("data", (chunk: Buffer) => finish(readFirstBytes(chunk)));
  socket.once("end", () => finish({ reached: true, answer: "closed", line: "" }));
  socket.on("error", (cause) => {
    if (isConnected) finish({ reached: true, answer: "closed", line: "" });
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

function readFirstBytes(bytes: Buffer): PlaintextAttempt {
  const [line = ""] = bytes.subarray(0, MAX_ANSWER_BYTES).toString("latin1").split("\r\n");
  if (line.startsWith("HTTP/")) return { reached: true, answer: "http", line };
  if (bytes[0] === TLS_ALERT) return { reached: true, answer: "tls-alert", line: "" };
  return { reached: true, answer: "other", line };
}
