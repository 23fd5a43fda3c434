import type { Duplex } from "node:stream";
import { isTautlineError, TautlineError } from "@tautline/protocol";

/** With what a client of HTTP/2 begins (RFC 9113 section 3.4). */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
/** No method of HTTP/1.1 begins so, and a program that speaks something else need not be heard out. */
const METHOD = /^[A-Z]{0,16}(?: |$)/;

/**
 * Tells from first bytes what a caller speaks.
 *
 * @param bytes what has come so far
 * @returns undefined while it may be either; "unknown" where it is neither
 */
export function tellHttp(bytes: Uint8Array): "h2" | "http/1.1" | "unknown" | undefined {
  const given = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, PREFACE.length));
  if (given.equals(PREFACE.subarray(0, given.length))) {
    return given.length === PREFACE.length ? "h2" : undefined;
  }
  return METHOD.test(given.toString("latin1")) ? "http/1.1" : "unknown";
}

/**
 * Reads a connection until it is known what it speaks, and gives every byte back.
 *
 * @param stream nothing was read of it
 * @param timeoutMs for the first bytes
 * @returns what is spoken
 * @throws carry.not_http, carry.no_first_call, carry.caller_lost
 */
export function awaitHttp(stream: Duplex, timeoutMs: number): Promise<"h2" | "http/1.1"> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const settle = (result: "h2" | "http/1.1" | TautlineError): void => {
      clearTimeout(timer);
      stream.removeListener("readable", read);
      stream.removeListener("end", end);
      stream.removeListener("close", end);
      if (isTautlineError(result)) return reject(result);
      // All at once and once only: unshifting inside of "readable" and waiting on would spin.
      if (bytes.length > 0) stream.unshift(bytes);
      resolve(result);
    };
    const late = new TautlineError("carry.no_first_call", { detail: { timeoutMs } });
    const timer = setTimeout(() => settle(late), timeoutMs);
    const end = (): void => settle(new TautlineError("carry.caller_lost"));
    const read = (): void => {
      for (let chunk: unknown; (chunk = stream.read()) !== null;) {
        if (chunk instanceof Buffer) bytes = Buffer.concat([bytes, chunk]);
      }
      if (bytes.length === 0) return;
      const told = tellHttp(bytes);
      if (told === undefined) return;
      settle(told === "unknown" ? notHttp(bytes) : told);
    };
    stream.on("readable", read);
    stream.on("end", end);
    stream.on("close", end);
    if (stream.destroyed || stream.readableEnded) end();
  });
}

function notHttp(bytes: Buffer): TautlineError {
  const isTls = bytes[0] === 0x16;
  const reason = isTls ? "it is TLS once more" : "its first bytes are of neither";
  return new TautlineError("carry.not_http", { detail: { reason } });
}
