import { createServer, type Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import {
  closeServer,
  createClientJudge,
  createTlsAcceptor,
  type HostPort,
  listenOn,
  rootsPem,
  type TlsAcceptor,
} from "@tautline/link";
import type { Logger } from "@tautline/daemon";
import type { FastifyInstance } from "fastify";
import { createApiApp } from "../api/api-app.ts";
import type { CertificateAuthority } from "../authority/authority.ts";
import type { CentralIdentity } from "../authority/central-identity.ts";
import type { CentralConfig } from "../config.ts";
import { serveControl, type ControlDeps } from "../control/control-endpoint.ts";
import type { CentralMetrics } from "../metrics.ts";
import { addressInUse } from "./address-in-use.ts";

/** The port that agents dial. */
export interface AgentsListener {
  /** @returns the address really taken */
  start(): Promise<HostPort>;
  readonly acceptor: TlsAcceptor;
  /** Stops accepting and cuts what is still open after links were told good-bye. */
  stop(): Promise<void>;
}

export interface AgentsListenerDeps {
  readonly config: CentralConfig;
  readonly authority: CertificateAuthority;
  readonly identity: CentralIdentity;
  readonly control: ControlDeps;
  readonly metrics: CentralMetrics;
  readonly log: Logger;
  readonly now: () => number;
}

/** Builds the agents' port: TLS 1.3 with a client certificate asked for, then HTTP with OpAMP on it. */
export async function createAgentsListener(deps: AgentsListenerDeps): Promise<AgentsListener> {
  const { config, log } = deps;
  const http = createServer();
  const app = await controlApp(deps, http);
  const open = new Set<Socket>();
  const acceptor = createTlsAcceptor({
    identity: deps.identity.current(),
    clientRootsPem: rootsPem([deps.authority.root]),
    judgeClient: judgeOf(deps),
    handshakeTimeoutMs: config.agents.handshakeTimeout,
    maxConnections: config.agents.maxConnections,
    now: deps.now,
    onSecured: (socket) => {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
      http.emit("connection", socket);
    },
    onFailed: (error, from) => {
      deps.metrics.refusals.inc({ code: error.code });
      log.info({ code: error.code, from }, error.message);
    },
  });
  return {
    acceptor,
    start: async () => {
      const { host, port } = config.agents;
      // An un-listened http server does not time out slow requests until it is told that it listens.
      http.emit("listening");
      return listenOn(acceptor.server, { host, port }).catch((error: unknown) => {
        throw addressInUse(error, { listener: "agents'", host, port, flag: "--agents-port" });
      });
    },
    stop: async () => {
      const closed = closeServer(acceptor.server);
      for (const socket of open) socket.destroySoon();
      http.closeAllConnections();
      await closed;
      await app.close();
    },
  };
}

async function controlApp(deps: AgentsListenerDeps, http: HttpServer): Promise<FastifyInstance> {
  const app = createApiApp({ log: deps.log, server: http });
  serveControl(app, http, deps.control);
  await app.ready();
  return app;
}

/** Our own intermediates are known, so a client need not send them. */
function judgeOf({
  authority,
  now,
}: AgentsListenerDeps): Parameters<typeof createTlsAcceptor>[0]["judgeClient"] {
  const judge = createClientJudge({
    trustDomain: authority.trustDomain,
    roots: () => [authority.root],
    // Serials are looked up in the database when the first request arrives (control/admission.ts).
    isRevoked: () => false,
    now,
  });
  return (leaf) => judge(leaf, authority.agentIntermediates());
}
