import type { Server as HttpServer } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Logger } from "@tautline/daemon";
import {
  closeServer,
  createTlsAcceptor,
  foreignOf,
  type HostPort,
  lapsedPeerOf,
  listenOn,
  markOf,
  tlsBinding,
  type TlsAcceptor,
  type TlsAcceptorOptions,
} from "@tautline/link";
import type { LinkEvidence, TautlineError } from "@tautline/protocol";
import { explainListenError, type ListenPlace } from "./listen-error.ts";
import { noteSecured, type SecuredConnection } from "./secured-connection.ts";

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

/** For good-byes to be read and answered. */
const DRAIN_MS = 2_000;
/** For the last bytes to go out to a peer that reads them. */
const FLUSH_MS = 500;

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
    onSecured: (socket, evidence, refusal) => {
      noteSecured(socket, tlsConnection(socket, evidence, refusal));
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
    stop: async (settled) => {
      const closed = closeServer(acceptor.server);
      http.closeIdleConnections();
      await withinMs(DRAIN_MS, settled);
      for (const socket of open) socket.destroySoon();
      await withinMs(FLUSH_MS, closed);
      for (const socket of open) socket.destroy();
      http.closeAllConnections();
      await closed;
      http.close();
    },
  };
}

function tlsConnection(
  socket: TLSSocket,
  evidence: LinkEvidence,
  refusal: TautlineError | undefined,
): SecuredConnection {
  return {
    listener: "agents",
    evidence,
    remoteAddress: socket.remoteAddress ?? "unknown",
    refusal,
    lapsed: lapsedPeerOf(socket),
    foreign: foreignOf(socket),
    mark: markOf(socket),
    binding: () => tlsBinding(socket),
  };
}

/** Waits for work, but not longer. */
async function withinMs(ms: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
