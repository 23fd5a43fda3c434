import type { IncomingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { TautlineError } from "@tautline/protocol";
import { WebSocket } from "ws";
import { withoutZone } from "./addresses.ts";
import { agentOfPosts, nameHttpFailure } from "./http-post.ts";
import { LARGEST_PROBLEM_BYTES, readAnswer, refusalFromAnswer } from "./refusal.ts";

/** The link to upgrade, and how. */
export interface OpenWebSocketOptions {
  /** A link already dialled. */
  readonly socket: Duplex;
  readonly path: string;
  /** For the Host header: "host:port". */
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A longer message from the peer closes the link with code 1009. */
  readonly maxMessageBytes: number;
  readonly subprotocol?: string;
  /** Told the headers of the answer to the upgrade, whether it upgrades or refuses. */
  readonly onHeaders?: (headers: IncomingHttpHeaders) => void;
  /** For the upgrade; 30 s unless told. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Upgrades a dialled link to a WebSocket (RFC 6455), without compression and without following redirects.
 *
 * It resolves paused and goes on by itself in the next turn of the event loop, so a message that came with the upgrade is not
 * lost if listeners are added right after. After an error the socket always emits "close" too: listen to that.
 *
 * @throws link.refused (see `refusalFromAnswer`), link.broken, link.answer_malformed, link.timeout, link.cancelled
 */
export function openWebSocket(options: OpenWebSocketOptions): Promise<WebSocket> {
  const { host, timeoutMs = 30_000, signal } = options;
  return new Promise((resolve, reject) => {
    const websocket = createClient(options);
    const fail = (error: TautlineError): void => {
      stopWaiting();
      reject(error);
      options.socket.destroy();
    };
    const cancel = (): void => {
      fail(new TautlineError("link.cancelled", { detail: { address: host } }));
    };
    const timer = setTimeout(() => {
      fail(new TautlineError("link.timeout", { detail: { address: host, timeoutMs } }));
    }, timeoutMs);
    const nameAndFail = (error: unknown): void => {
      fail(nameHttpFailure(error, host));
    };
    const stopWaiting = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      websocket.removeListener("error", nameAndFail);
      // From here on "close" tells all; without a listener an error would end the process.
      websocket.on("error", () => {});
    };
    websocket.on("error", nameAndFail);
    websocket.on("upgrade", (response) => options.onHeaders?.(response.headers));
    websocket.once("open", () => {
      stopWaiting();
      resolve(pausedForOneTurn(websocket));
    });
    websocket.on("unexpected-response", (_request, response) => {
      options.onHeaders?.(response.headers);
      readAnswer(response, LARGEST_PROBLEM_BYTES, host)
        .then((answer) => refusalFromAnswer(answer, host))
        .then(fail, nameAndFail);
    });
    signal?.addEventListener("abort", cancel, { once: true });
    if (signal?.aborted === true) {
      cancel();
    }
  });
}

function pausedForOneTurn(websocket: WebSocket): WebSocket {
  websocket.pause();
  setImmediate(() => {
    websocket.resume();
  });
  return websocket;
}

function createClient(options: OpenWebSocketOptions): WebSocket {
  const protocols = options.subprotocol === undefined ? [] : [options.subprotocol];
  // "ws:" although the link is secured: securing is done, and ws must not start TLS inside it.
  return new WebSocket(`ws://${withoutZone(options.host)}${options.path}`, protocols, {
    createConnection: () => options.socket,
    agent: agentOfPosts(options.socket),
    headers: { ...options.headers },
    maxPayload: options.maxMessageBytes,
    perMessageDeflate: false,
    followRedirects: false,
  });
}
