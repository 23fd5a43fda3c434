import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import {
  TautlineError,
  fromProblem,
  isErrorCode,
  parseJson,
  type ErrorCode,
} from "@tautline/protocol";

/** An HTTP answer, read whole. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A problem document longer than this is not read. */
export const LARGEST_PROBLEM_BYTES = 64 * 1024;
const PROBLEM_DEPTH = 8;

/**
 * Turns a refusing HTTP answer into an error that carries what the peer said: its code, sentence and remedy where it sent a
 * problem document (RFC 9457), and its Retry-After (RFC 9110) as `retryAfterSeconds`.
 *
 * @param answer status, headers and body
 * @param address the other end, for people
 * @returns link.refused with detail {address, status, code, text, remedy, retryAfterSeconds?}; `code` is "no code" where it gave none that is known here
 */
export function refusalFromAnswer(answer: HttpAnswer, address: string): TautlineError {
  const problem = readProblem(answer);
  const retryAfterSeconds = readRetryAfter(answer.headers["retry-after"]);
  return new TautlineError("link.refused", {
    detail: {
      address,
      status: answer.status,
      code: problem?.code ?? "no code",
      text: problem?.detail ?? "It gave no reason.",
      remedy: problem?.remedy ?? "Read the log of the other end at the same second.",
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    },
  });
}

/** The peer's own code in a link.refused error; `undefined` where it gave none that is known here. */
export function refusalCode(error: TautlineError): ErrorCode | undefined {
  const code = error.code === "link.refused" ? error.detail["code"] : undefined;
  return isErrorCode(code) ? code : undefined;
}

/**
 * Reads an HTTP answer's body, up to a limit.
 *
 * @param maxBytes a longer body ends the connection
 * @throws link.answer_malformed, link.broken
 */
export function readAnswer(
  response: IncomingMessage,
  maxBytes: number,
  address: string,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    response.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) {
        const reason = `its body has more than ${maxBytes} bytes`;
        reject(new TautlineError("link.answer_malformed", { detail: { address, reason } }));
        response.destroy();
        return;
      }
      chunks.push(chunk);
    });
    response.on("end", () => {
      const status = response.statusCode ?? 0;
      resolve({ status, headers: response.headers, body: Buffer.concat(chunks) });
    });
    response.on("close", () => {
      const reason = "it was closed in the middle of the answer";
      reject(new TautlineError("link.broken", { detail: { address, reason } }));
    });
    response.on("error", (error) => {
      const reason = "it was cut in the middle of the answer";
      reject(new TautlineError("link.broken", { detail: { address, reason }, cause: error }));
    });
  });
}

function readProblem(answer: HttpAnswer): ReturnType<typeof fromProblem> {
  if (!(answer.headers["content-type"] ?? "").startsWith("application/problem+json")) {
    return undefined;
  }
  try {
    const limits = { maxBytes: LARGEST_PROBLEM_BYTES, maxDepth: PROBLEM_DEPTH };
    return fromProblem(parseJson(answer.body.toString("utf8"), limits));
  } catch {
    // A refusal stays a refusal when its explanation cannot be read.
    return undefined;
  }
}

/** Seconds only: a date would need this host's clock to agree with the peer's. */
function readRetryAfter(value: string | undefined): number | undefined {
  return value !== undefined && /^[0-9]{1,6}$/.test(value) ? Number(value) : undefined;
}
