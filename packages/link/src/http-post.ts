import { Agent, request, type ClientRequest, type IncomingHttpHeaders } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TautlineError, isTautlineError } from "@tautline/protocol";
import { withoutZone } from "./addresses.ts";
import { readAnswer, type HttpAnswer } from "./refusal.ts";

/** One message to post, and the link to post it over. */
export interface PostOptions {
  /** A link already dialled; several posts may follow each other on it. */
  readonly socket: Duplex;
  readonly path: string;
  /** For the Host header: "host:port". */
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Of the answer's body. */
  readonly maxBytes: number;
  /** For the whole exchange; 30 s unless told. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** What came back, whatever its status. */
export interface PostAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const agents = new WeakMap<Duplex, Agent>();

/**
 * Posts one message over a dialled link (OpAMP's plain HTTP transport) and reads the answer.
 *
 * @returns status, headers and body; a refusing status is the caller's to judge, see `refusalFromAnswer`
 * @throws link.broken, link.answer_malformed, link.timeout, link.cancelled
 */
export async function postMessage(options: PostOptions): Promise<PostAnswer> {
  const { host, timeoutMs = 30_000, signal } = options;
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    return await exchange(options, AbortSignal.any(signal ? [deadline, signal] : [deadline]));
  } catch (error) {
    if (signal?.aborted === true) {
      throw new TautlineError("link.cancelled", { detail: { address: host }, cause: error });
    }
    if (deadline.aborted) {
      const detail = { address: host, timeoutMs };
      throw new TautlineError("link.timeout", { detail, cause: error });
    }
    throw error;
  }
}

function exchange(options: PostOptions, signal: AbortSignal): Promise<HttpAnswer> {
  const { host, path, body, maxBytes, socket } = options;
  return new Promise((resolve, reject) => {
    // A stream whose directions end by themselves would take the message, and Node may queue it for a connection that never comes.
    if (socket.destroyed || socket.readableEnded) throw closedBefore(host);
    const outgoing = request({
      method: "POST",
      path,
      headers: {
        ...options.headers,
        Host: withoutZone(host),
        "Content-Length": String(body.length),
      },
      agent: agentOf(socket),
      signal,
    });
    outgoing.on("response", (response) => {
      readAnswer(response, maxBytes, host).then(resolve, reject);
    });
    outgoing.on("error", (error) => {
      reject(nameHttpFailure(error, host));
    });
    outgoing.end(body);
  });
}

/**
 * Names why an HTTP exchange gave no answer.
 *
 * @param error what Node's HTTP client or ws reported
 * @param address the other end, for people
 */
export function nameHttpFailure(error: unknown, address: string): TautlineError {
  if (isTautlineError(error)) {
    return error;
  }
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  if (typeof code !== "string" || code.startsWith("HPE_")) {
    const reason = "it is not the HTTP that was asked for";
    return new TautlineError("link.answer_malformed", {
      detail: { address, reason },
      cause: error,
    });
  }
  return new TautlineError("link.broken", { detail: { address, reason: code }, cause: error });
}

function closedBefore(address: string): TautlineError {
  const reason = "the other end had closed it";
  return new TautlineError("link.broken", { detail: { address, reason } });
}

/**
 * The HTTP agent of a link that messages were posted over: only by way of it Node lets another request have the link.
 *
 * @param socket a dialled link
 * @returns undefined where nothing was posted over it
 */
export function agentOfPosts(socket: Duplex): Agent | undefined {
  return agents.get(socket);
}

/**
 * An HTTP agent that knows exactly one socket, so that posts follow each other on it. (`agent: false` would ignore
 * `createConnection` and dial a second, plaintext connection by itself.)
 */
function agentOf(socket: Duplex): Agent {
  const known = agents.get(socket);
  if (known !== undefined) {
    return known;
  }
  const agent = new OneSocketAgent(socket);
  agents.set(socket, agent);
  return agent;
}

class OneSocketAgent extends Agent {
  readonly #socket: Duplex;

  constructor(socket: Duplex) {
    super({ keepAlive: true, maxSockets: 1 });
    this.#socket = socket;
  }

  /** Whatever the request calls the other end: it has one socket for all. */
  override getName(): string {
    return "";
  }

  override createConnection(): Duplex {
    return this.#socket;
  }

  /** Node takes every connection for one of TCP; a secured stream of another make has no such timers, and its other end closes it. */
  override keepSocketAlive(socket: Duplex): boolean {
    if (!(socket instanceof Socket)) return true;
    // Its type hides that it answers.
    const answer: unknown = super.keepSocketAlive(socket);
    return answer !== false;
  }

  override reuseSocket(socket: Duplex, asking: ClientRequest): void {
    if (socket instanceof Socket) super.reuseSocket(socket, asking);
  }
}
