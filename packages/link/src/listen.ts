import type { Server } from "node:net";
import type { HostPort } from "./addresses.ts";

/**
 * Starts listening and says where.
 *
 * @param server any server over TCP, not listening yet
 * @param at `port` 0 takes any free one
 * @returns the address really taken
 * @throws Node's own error (EADDRINUSE, EACCES ...): only the caller knows which listener and setting it is about
 */
export function listenOn(server: Server, at: HostPort): Promise<HostPort> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: at.host, port: at.port }, () => {
      server.removeListener("error", reject);
      const address = server.address();
      if (address === null || typeof address === "string") {
        reject(new TypeError("the server does not listen on TCP"));
      } else {
        resolve({ host: address.address, port: address.port });
      }
    });
  });
}

/**
 * Stops accepting, and resolves when every connection has ended; a server that does not listen is closed already.
 *
 * Connections that stand are not cut: whoever holds them says goodbye first.
 */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // The only error close reports is that the server was not listening.
    server.close(() => {
      resolve();
    });
  });
}
