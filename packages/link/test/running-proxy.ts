import { createServer, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { listenOnAnyPort } from "@tautline/testing";
import type { Proxy } from "../src/proxy.ts";

/** What a proxy of a test does with one CONNECT; it owns the socket. */
export type TakeConnect = (request: IncomingMessage, socket: Socket) => void;

/** An HTTP proxy on the loopback interface. */
export interface RunningProxy extends AsyncDisposable {
  readonly proxy: Proxy;
  /** The targets asked for, in order. */
  readonly asked: readonly string[];
}

/**
 * Starts a proxy that connects wherever it is asked to, unless the test takes CONNECT over.
 *
 * @param take what to do instead of connecting
 */
export async function startProxy(take: TakeConnect = passOn): Promise<RunningProxy> {
  const asked: string[] = [];
  const server = createServer();
  server.on("connect", (request: IncomingMessage, socket: Socket) => {
    asked.push(request.url ?? "");
    socket.on("error", () => socket.destroy());
    take(request, socket);
  });
  const { host, port, close } = await listenOnAnyPort(server);
  return { proxy: { host, port }, asked, [Symbol.asyncDispose]: close };
}

/** What an honest proxy does. */
export function passOn(request: IncomingMessage, socket: Socket): void {
  const url = new URL(`http://${request.url}`);
  const onward = connect(Number(url.port), url.hostname.replace(/^\[|\]$/g, ""), () => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    socket.pipe(onward).pipe(socket);
  });
  onward.on("error", () => socket.destroy());
  socket.on("close", () => onward.destroy());
}
