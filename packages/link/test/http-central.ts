import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { dialPinned, type DialledLink } from "../src/dial-tls.ts";
import { startAcceptor, type RunningAcceptor } from "./running-acceptor.ts";
import { testNow, type FleetAuthority } from "./fleet-authority.ts";
import { spkiPin } from "@tautline/pki";

/** What a test's central does with requests and upgrades. */
export interface HttpCentralHandlers {
  readonly onRequest?: RequestListener;
  /** Instead of completing the upgrade. */
  readonly onUpgrade?: (request: IncomingMessage, socket: Duplex) => void;
  readonly onWebSocket?: (websocket: WebSocket, request: IncomingMessage) => void;
}

/** A central that speaks HTTP and WebSocket over real TLS. */
export interface HttpCentral extends AsyncDisposable {
  dial(): Promise<DialledLink>;
  /** How many TLS connections were accepted. */
  connections(): number;
}

/**
 * Starts one for tests of this package.
 *
 * @param authority whose central it is
 */
export async function startHttpCentral(
  authority: FleetAuthority,
  handlers: HttpCentralHandlers,
): Promise<HttpCentral> {
  let connections = 0;
  const http = createServer(handlers.onRequest);
  const websockets = new WebSocketServer({ noServer: true, perMessageDeflate: true });
  http.on("upgrade", (request, socket, head) => {
    if (handlers.onUpgrade !== undefined) {
      handlers.onUpgrade(request, socket);
      return;
    }
    websockets.handleUpgrade(request, socket, head, (websocket) => {
      handlers.onWebSocket?.(websocket, request);
    });
  });
  const acceptor: RunningAcceptor = await startAcceptor(authority, {
    onSecured: (socket) => {
      connections += 1;
      http.emit("connection", socket);
    },
  });
  return {
    connections: () => connections,
    dial: () =>
      dialPinned({
        host: "127.0.0.1",
        port: acceptor.port,
        pins: [spkiPin(authority.root)],
        trustDomain: authority.trustDomain,
        timeoutMs: 10_000,
        now: testNow,
      }),
    [Symbol.asyncDispose]: async () => {
      await acceptor[Symbol.asyncDispose]();
    },
  };
}
