import { createServer, type IncomingMessage, type Server } from "node:http";

/** How long a caller may take; all in milliseconds. */
export interface HttpTimes {
  /** For the headers of a request, from the connection's first moment on. */
  readonly headersMs: number;
  /** For a whole request. */
  readonly requestMs: number;
  /** Between two requests. */
  readonly idleMs: number;
  /** How often the above are looked at. */
  readonly checkMs: number;
}

/** A polling agent asks every 30 s and keeps its connection between. */
export const HTTP_TIMES: HttpTimes = {
  headersMs: 10_000,
  requestMs: 30_000,
  idleMs: 75_000,
  checkMs: 5_000,
};

/**
 * Makes an HTTP server that accepts no connections itself: whoever secures them emits "connection". It cuts slow callers.
 *
 * @param times the limits
 * @param isUpgrade which requests for an upgrade are taken; the others are answered like any request. Every one unless told, if anybody takes any
 */
export function createHttpServer(
  times: HttpTimes = HTTP_TIMES,
  isUpgrade?: (request: IncomingMessage) => boolean,
): Server {
  const server = createServer({
    ...(isUpgrade && { shouldUpgradeCallback: isUpgrade }),
    headersTimeout: times.headersMs,
    requestTimeout: times.requestMs,
    keepAliveTimeout: times.idleMs,
    connectionsCheckingInterval: times.checkMs,
  });
  // A server that never listens looks after nobody's time limits until it is told that it does.
  server.emit("listening");
  return server;
}
