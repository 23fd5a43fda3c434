import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { formatProofChallenge } from "@tautline/pki";
import { type TautlineError, toProblem } from "@tautline/protocol";
import type { FastifyReply } from "fastify";

const RETRY_AFTER_SECONDS = "30";
const RETRY_SOON_SECONDS = "1";
/** A caller that does not close its end of a refused connection is cut then. */
const LINGER_MS = 2_000;

/**
 * Answers a request with a refusal: a problem document (RFC 9457). Its cause does not travel.
 *
 * @param reply fastify's answer, not sent yet
 * @param error the refusal
 */
export function sendProblem(reply: FastifyReply, error: TautlineError): FastifyReply {
  return reply
    .status(error.status)
    .headers(headersOf(error))
    .send(JSON.stringify(toProblem(error)));
}

/**
 * Answers on a connection that no HTTP server serves any more, and ends it. The socket may be half-open: without an end of ours,
 * a caller that keeps its own would keep the descriptor (A15).
 *
 * @param socket a connection on which one request came
 * @param error the refusal
 * @param more headers to send with it
 */
export function endWithProblem(
  socket: Duplex,
  error: TautlineError,
  more: Readonly<Record<string, string>> = {},
): void {
  const { status } = error;
  const body = JSON.stringify(toProblem(error));
  const headers = {
    connection: "close",
    ...headersOf(error),
    ...more,
    "content-length": Buffer.byteLength(body),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Refused"}\r\n${lines.join("")}\r\n${body}`,
  );
  // What still comes is thrown away, so that the end of it is seen.
  socket.resume();
}

/** 401 must say how to log in (RFC 9110 section 11.6.1); who shall come back is told when. */
function headersOf({ code, status, detail }: TautlineError): Readonly<Record<string, string>> {
  const type = { "content-type": "application/problem+json" };
  if (code === "admission.proof_challenged") {
    return { ...type, "www-authenticate": formatProofChallenge(String(detail["nonce"])) };
  }
  if (status === 401) return { ...type, "www-authenticate": 'Bearer realm="tautline"' };
  if (status === 429) {
    const seconds = detail["retryAfterSeconds"] ?? RETRY_SOON_SECONDS;
    return { ...type, "retry-after": String(seconds) };
  }
  // A central that restarts is soon back, and agents spread their next dials by themselves.
  if (status === 503 && code !== "central.stopping") {
    const seconds = detail["retryAfterSeconds"] ?? RETRY_AFTER_SECONDS;
    return { ...type, "retry-after": String(seconds) };
  }
  if (code === "api.upgrade_required") {
    return { ...type, upgrade: String(detail["protocol"]), connection: "upgrade" };
  }
  // RFC 9110 section 15.5.22: with the protocols that are wanted; none of them is begun on this connection.
  if (status === 426) return { ...type, upgrade: "TLS/1.3", connection: "close, upgrade" };
  // The rest of a body that nobody reads ends with its connection.
  return status === 413 ? { ...type, connection: "close" } : type;
}
