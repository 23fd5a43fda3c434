import { createServer } from "node:http";
import type { Socket } from "node:net";
import {
  closeServer,
  createTlsAcceptor,
  type HostPort,
  listenOn,
  type TlsAcceptor,
} from "@tautline/link";
import type { Logger } from "@tautline/daemon";
import { TautlineError } from "@tautline/protocol";
import { createApiApp } from "../api/api-app.ts";
import type { ApiDeps } from "../api/api-deps.ts";
import { mountHealth, type HealthDeps } from "../api/health-routes.ts";
import { mountRoutes } from "../api/routes.ts";
import type { CentralIdentity } from "../authority/central-identity.ts";
import type { CentralConfig } from "../config.ts";
import { addressInUse } from "./address-in-use.ts";

/** The port of console and API. */
export interface ConsoleListener {
  readonly acceptor: TlsAcceptor;
  start(): Promise<HostPort>;
  stop(): Promise<void>;
}

export interface ConsoleListenerDeps {
  readonly config: CentralConfig;
  readonly identity: CentralIdentity;
  readonly api: ApiDeps;
  readonly health: HealthDeps;
  readonly log: Logger;
  readonly now: () => number;
}

/** Builds the console's port: the same API as the admin socket, which nobody may use here before operators can log in. */
export async function createConsoleListener(deps: ConsoleListenerDeps): Promise<ConsoleListener> {
  const http = createServer();
  const app = createApiApp({ log: deps.log, server: http });
  mountHealth(app, deps.health);
  await app.register(async (scope) => {
    scope.addHook("onRequest", async () => {
      throw new TautlineError("api.login_required");
    });
    mountRoutes(scope, deps.api);
  });
  await app.ready();
  const open = new Set<Socket>();
  const acceptor = createTlsAcceptor({
    identity: deps.identity.current(),
    clientRootsPem: "",
    // An agent's certificate is no login (A7); nobody is asked for one here.
    judgeClient: () => ({ level: "tls" }),
    handshakeTimeoutMs: deps.config.agents.handshakeTimeout,
    now: deps.now,
    onSecured: (socket) => {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
      http.emit("connection", socket);
    },
    onFailed: (error, from) => deps.log.info({ code: error.code, from }, error.message),
  });
  return {
    acceptor,
    start: async () => {
      const { host, port } = deps.config.console;
      http.emit("listening");
      return listenOn(acceptor.server, { host, port }).catch((error: unknown) => {
        throw addressInUse(error, { listener: "console's", host, port, flag: "--console-port" });
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
