import { request, type ClientRequest, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { TautlineError } from "@tautline/protocol";
import { withoutZone } from "../addresses.ts";
import { agentOfPosts, nameHttpFailure } from "../http-post.ts";
import { LARGEST_PROBLEM_BYTES, readAnswer, refusalFromAnswer } from "../refusal.ts";

/** Where central takes upgrades to forwards. */
export const FORWARD_PATH = "/v1/forward";
/** The protocol that is upgraded to. */
export const FORWARD_PROTOCOL = "tautline-forward";
/** The header that says which end will open streams; in lower case, as Node gives it. */
export const FORWARD_HEADER = "tautline-forward";
/** The headers of an answer have fewer bytes than this. */
export const LARGEST_FORWARD_HEADER_BYTES: number = 16 * 1024;

/** Which end opens streams: the agent (`out`, the normal case), or central (`in`). */
export type ForwardDirection = "out" | "in";

/** The link to upgrade, and how. */
export interface OpenForwardOptions {
  /** A link already dialled. */
  readonly socket: Duplex;
  /** For the Host header: "host:port". */
  readonly host: string;
  readonly direction: ForwardDirection;
  /** Where it is asked for; FORWARD_PATH unless told. */
  readonly path?: string;
  /** What is upgraded to; FORWARD_PROTOCOL unless told. */
  readonly protocol?: string;
  /** Such as those that prove the agent's identity. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For the upgrade; 30 s unless told. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Upgrades a dialled link to one that carries a forward's frames, or what else `protocol` says (HTTP/1.1, RFC 9110 section 7.8). The link
 * is closed where that fails.
 *
 * @param options the link, who opens streams, headers, limits
 * @returns the same link, not read from yet: what came right behind the answer is read first
 * @throws link.refused (see `refusalFromAnswer`), link.broken, link.answer_malformed, link.timeout, link.cancelled
 */
export async function openForward(options: OpenForwardOptions): Promise<Duplex> {
  const { socket, host, timeoutMs = 30_000, signal } = options;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  try {
    const either = AbortSignal.any(signal ? [late.signal, signal] : [late.signal]);
    return await upgrade(options, either);
  } catch (error) {
    socket.on("error", () => {}).destroy();
    if (signal?.aborted === true) {
      throw new TautlineError("link.cancelled", { detail: { address: host }, cause: error });
    }
    if (late.signal.aborted) {
      const detail = { address: host, timeoutMs };
      throw new TautlineError("link.timeout", { detail, cause: error });
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function upgrade(options: OpenForwardOptions, signal: AbortSignal): Promise<Duplex> {
  const { host, socket } = options;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    // Node may queue a request for a connection that has ended, and wait for one that never comes.
    if (socket.destroyed || socket.readableEnded) throw broken(host, "the other end had closed it");
    const asking = ask(options);
    const cancel = (): void =>
      fail(new TautlineError("link.cancelled", { detail: { address: host } }));
    const fail = (error: unknown): void => {
      signal.removeEventListener("abort", cancel);
      reject(nameHttpFailure(error, host));
      asking.destroy();
    };
    signal.addEventListener("abort", cancel, { once: true });
    asking.on("error", fail);
    asking.on("response", (response) => {
      readAnswer(response, LARGEST_PROBLEM_BYTES, host)
        .then((answer) => refusalFromAnswer(answer, host))
        .then(fail, fail);
    });
    asking.on("upgrade", (response, _socket, head) => {
      signal.removeEventListener("abort", cancel);
      if (!isUpgradedTo(response, options.protocol ?? FORWARD_PROTOCOL)) {
        const reason = "it goes over to another protocol than was asked for";
        reject(new TautlineError("link.answer_malformed", { detail: { address: host, reason } }));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    asking.end();
  });
}

function ask({
  socket,
  host,
  direction,
  headers,
  path = FORWARD_PATH,
  protocol = FORWARD_PROTOCOL,
}: OpenForwardOptions): ClientRequest {
  return request({
    method: "GET",
    path,
    headers: {
      ...headers,
      Host: withoutZone(host),
      Connection: "Upgrade",
      Upgrade: protocol,
      "Tautline-Forward": direction,
    },
    // A link that was posted over belongs to the agent of those posts, and to nobody else.
    agent: agentOfPosts(socket),
    createConnection: () => socket,
    maxHeaderSize: LARGEST_FORWARD_HEADER_BYTES,
  });
}

function isUpgradedTo({ headers }: IncomingMessage, protocol: string): boolean {
  return headers.upgrade?.toLowerCase() === protocol;
}

function broken(address: string, reason: string): TautlineError {
  return new TautlineError("link.broken", { detail: { address, reason } });
}
