import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";

/** Where a server listens, and the way to end it. */
export interface ListeningServer {
  readonly host: string;
  readonly port: number;
  /** Closes the listener and every connection it accepted, then resolves. */
  readonly close: () => Promise<void>;
}

/**
 * Lets a server (net, tls, http, https) listen on a free port of the loopback interface.
 *
 * @param server one that does not listen yet
 */
export async function listenOnAnyPort(server: Server): Promise<ListeningServer> {
  const open = new Set<{ destroy: () => unknown }>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { address, port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of open) socket.destroy();
    await closed;
  };
  return { host: address, port, close };
}
