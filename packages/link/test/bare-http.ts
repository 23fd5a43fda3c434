import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createTcpServer } from "node:net";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { acceptBasic } from "../src/basic/accept-basic.ts";
import { dialBasic } from "../src/basic/dial-basic.ts";
import { basicPsk } from "../src/basic/prologue.ts";
import { connectTcp } from "../src/connect-tcp.ts";

const HOST = "127.0.0.1";
const key = { name: "legacy", version: 1 };
const psk = basicPsk(Buffer.alloc(32, 1));
const now = (): number => Date.now();

/** The levels below `tls` that HTTP is carried over without TLS beneath it. */
export const BARE_LEVELS = ["plaintext", "basic"] as const;

/** An HTTP server whose every connection is secured at one level. */
export interface BareHttp extends AsyncDisposable {
  readonly http: Server;
  /** Connections that were made so far. */
  readonly connections: () => number;
  /** Ends every connection in an orderly way. */
  readonly endAll: () => void;
  dial(): Promise<Duplex>;
}

/**
 * Starts an HTTP server at a level without TLS.
 *
 * @param level which
 */
export async function startBareHttp(level: (typeof BARE_LEVELS)[number]): Promise<BareHttp> {
  const http = createServer();
  const sockets: Socket[] = [];
  const streams: Duplex[] = [];
  const take = (stream: Duplex): void => {
    streams.push(stream);
    http.emit("connection", stream);
  };
  const listener = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket.on("error", () => {}));
    const limits = { address: "the caller", timeoutMs: 10_000, now };
    if (level === "plaintext") take(socket);
    else {
      acceptBasic(socket, { ...limits, findKeys: () => [{ ...key, psk }] }).then(
        ({ stream }) => take(stream),
        () => {},
      );
    }
  });
  listener.listen(0, HOST);
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  return {
    http,
    connections: () => sockets.length,
    endAll: () => streams.forEach((stream) => stream.end()),
    async dial() {
      const { signal } = new AbortController();
      const socket = await connectTcp({ host: HOST, port, signal });
      const how = { address: HOST, timeoutMs: 10_000, now };
      if (level === "plaintext") return socket;
      return (await dialBasic(socket, { ...how, key, psk, isBound: false })).stream;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(listener, "close");
      listener.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
