import type { IncomingMessage } from "node:http";
import type { Logger } from "@tautline/daemon";
import type { HostPort, TlsAcceptor } from "@tautline/link";
import { TautlineError, toTautlineError } from "@tautline/protocol";
import { acceptJson, createApiApp } from "../api/api-app.ts";
import { mountCrls } from "../api/crl-routes.ts";
import { mountHealth, type HealthDeps } from "../api/health-routes.ts";
import { METRICS_DEMAND } from "../api/route-list.ts";
import { mountRoutes } from "../api/routes.ts";
import { mountUpgrades, upgradeRule } from "../api/upgrades.ts";
import { requireCall, type Verb } from "../api/verb.ts";
import type { ConsoleGate } from "../operators/console-gate.ts";
import type { Principal } from "../operators/principal.ts";
import type { CentralIdentity } from "../authority/central-identity.ts";
import type { CentralConfig } from "../config.ts";
import type { Crls } from "../revocation/crl-list.ts";
import type { Refusals } from "../control/refusals.ts";
import { createHttpServer, HTTP_TIMES } from "./http-server.ts";
import { createSecuredPort } from "./secured-port.ts";

/** The port of console and API. */
export interface ConsoleListener {
  readonly acceptor: TlsAcceptor;
  /** @returns the address really taken */
  start(): Promise<HostPort>;
  stop(): Promise<void>;
}

/** What the console's port needs. */
export interface ConsoleListenerDeps {
  readonly config: Pick<CentralConfig, "console" | "agents">;
  readonly identity: CentralIdentity;
  readonly verbs: readonly Verb[];
  readonly gate: ConsoleGate;
  readonly health: HealthDeps;
  readonly crls: Pick<Crls, "current">;
  readonly refusals: Refusals;
  readonly log: Logger;
  readonly now: () => number;
}

/** Browsers open a handful each; what comes from there comes from people and their dashboards. */
const MAX_CONNECTIONS = 1_024;

/**
 * Builds the console's port: the same API as the admin socket, for operators with a token. Without one, whatever is asked for
 * and however it is spelt, gets the same answer (A8).
 *
 * @param deps central's parts
 */
export async function createConsoleListener(deps: ConsoleListenerDeps): Promise<ConsoleListener> {
  const { log, config } = deps;
  const { host, port } = config.console;
  const http = createHttpServer(HTTP_TIMES, upgradeRule(deps.verbs));
  const principalOf = (request: Pick<IncomingMessage, "headers" | "socket">): Principal =>
    deps.gate.admit({ authorization: request.headers.authorization, socket: request.socket });
  const app = createApiApp({
    log,
    server: http,
    unknownRoute: (request) => explainUnknown(() => principalOf(request)),
  });
  mountHealth(app, deps.health, (request) => requireCall(principalOf(request), METRICS_DEMAND));
  mountCrls(app, deps.crls);
  acceptJson(app);
  mountRoutes(app, deps.verbs, principalOf);
  const { verbs, gate } = deps;
  mountUpgrades(http, { verbs, principalOf, onTaken: (...taken) => gate.giveVoice(...taken), log });
  await app.ready();
  const secured = createSecuredPort({
    place: { listener: "console's", host, port, flag: "--console-port" },
    http,
    log,
    identity: deps.identity.current(),
    // An agent's certificate is no login (A7); nobody is asked for one here.
    clientRootsPem: "",
    judgeClient: () => ({ level: "tls" }),
    handshakeTimeoutMs: config.agents.handshakeTimeout,
    maxConnections: MAX_CONNECTIONS,
    now: deps.now,
    onFailed: (error, from, remoteAddress) => deps.refusals.noteFailed(error, from, remoteAddress),
  });
  return {
    acceptor: secured.acceptor,
    start: () => secured.start(),
    stop: async () => {
      await secured.stop(Promise.resolve());
      await app.close();
    },
  };
}

/** A stranger does not even learn what there is not. */
function explainUnknown(admit: () => Principal): TautlineError {
  try {
    admit();
    return new TautlineError("api.no_route");
  } catch (error) {
    return toTautlineError(error);
  }
}
