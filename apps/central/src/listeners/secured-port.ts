import type { Server as HttpServer } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Logger } from "@tautline/daemon";
import {
  closeServer,
  createTlsAcceptor,
  type HostPort,
  listenOn,
  type TlsAcceptor,
  type TlsAcceptorOptions,
} from "@tautline/link";
import { drain } from "./drain.ts";
import { explainListenError, type ListenPlace } from "./listen-error.ts";

/** A port on which every connection is secured by TLS and then served by an HTTP server. */
export interface SecuredPort {
  readonly acceptor: TlsAcceptor;
  /**
   * @returns the address really taken
   * @throws central.address_in_use, central.cannot_listen
   */
  start(): Promise<HostPort>;
  /**
   * Accepts no more, waits a moment for what is under way, and cuts the rest.
   *
   * @param settled resolves when nothing is under way
   */
  stop(settled: Promise<void>): Promise<void>;
}

/** What a port needs. */
export interface SecuredPortOptions extends Omit<TlsAcceptorOptions, "onSecured"> {
  readonly place: ListenPlace;
  readonly http: HttpServer;
  readonly log: Logger;
}

/**
 * Builds a port that does not listen yet.
 *
 * @param options where, by which identity, for whom
 */
export function createSecuredPort(options: SecuredPortOptions): SecuredPort {
  const { http, log, place, ...acceptorOptions } = options;
  const open = new Set<TLSSocket>();
  const acceptor = createTlsAcceptor({
    ...acceptorOptions,
    onSecured: (socket) => {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
      http.emit("connection", socket);
    },
  });
  return {
    acceptor,
    start: async () => {
      const { host, port } = place;
      const address = await listenOn(acceptor.server, { host, port }).catch((error: unknown) => {
        throw explainListenError(error, place);
      });
      // Out of descriptors, for one: the port goes on when there are some again.
      acceptor.server.on("error", (error) => log.error({ err: error }, "a port had a failure"));
      return address;
    },
    stop: (settled) => drain({ http, open, settled, closed: closeServer(acceptor.server) }),
  };
}
