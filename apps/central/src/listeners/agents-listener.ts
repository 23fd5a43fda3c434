import type { Logger } from "@tautline/daemon";
import {
  centralServerName,
  createClientJudge,
  type HostPort,
  type JudgeClient,
  rootsPem,
  type TlsAcceptor,
} from "@tautline/link";
import { createApiApp } from "../api/api-app.ts";
import type { CertificateAuthority } from "../authority/authority.ts";
import type { CentralIdentity } from "../authority/central-identity.ts";
import type { CentralConfig } from "../config.ts";
import { serveControl, type ControlDeps } from "../control/control-endpoint.ts";
import { errorForPeer } from "../control/peer-error.ts";
import type { Herd } from "../herd/herd.ts";
import type { ForeignFront } from "../tls-files/foreign-front.ts";
import { createHttpServer } from "./http-server.ts";
import { createSecuredPort } from "./secured-port.ts";

/** The port that agents dial. */
export interface AgentsListener {
  /** @returns the address really taken */
  start(): Promise<HostPort>;
  readonly acceptor: TlsAcceptor;
  /** Stops accepting and cuts what is still open after links were told good-bye. */
  stop(): Promise<void>;
}

/** What the agents' port needs. */
export interface AgentsListenerDeps {
  readonly config: Pick<CentralConfig, "agents">;
  readonly authority: CertificateAuthority;
  readonly identity: CentralIdentity;
  readonly control: ControlDeps;
  readonly herd: Pick<Herd, "handshakes" | "sources">;
  /** What callers of an existing PKI are shown and asked for. */
  readonly front: ForeignFront;
  readonly log: Logger;
  readonly now: () => number;
}

/**
 * Builds the agents' port: TLS 1.3 with a client certificate asked for, then HTTP with OpAMP on it.
 *
 * @param deps central's parts
 */
export async function createAgentsListener(deps: AgentsListenerDeps): Promise<AgentsListener> {
  const { config, log } = deps;
  const { host, port, handshakeTimeout, maxConnections } = config.agents;
  const http = createHttpServer();
  const { offers } = deps.control;
  const said = { now: deps.now, offer: () => offers.header() };
  const app = createApiApp({ log, server: http, tell: errorForPeer, ...said });
  const control = serveControl(app, http, deps.control);
  await app.ready();
  const secured = createSecuredPort({
    place: { listener: "agents'", host, port, flag: "--agents-port" },
    http,
    log,
    identity: deps.identity.current(),
    clientRootsPem: rootsPem([deps.authority.root]),
    ownName: centralServerName(deps.authority.trustDomain),
    judgeClient: deps.front.judge(judgeOf(deps)),
    handshakeTimeoutMs: handshakeTimeout,
    maxConnections,
    gate: deps.herd.handshakes,
    now: deps.now,
    onFailed: (error, from, remoteAddress) => {
      if (!NO_ATTEMPTS.has(error.code)) deps.herd.sources.failed(remoteAddress);
      deps.control.refusals.noteFailed(error, from);
    },
  });
  deps.front.showOn(secured.acceptor);
  return {
    acceptor: secured.acceptor,
    start: () => secured.start(),
    stop: async () => {
      await secured.stop(control.settled());
      await control.settled();
      await app.close();
    },
  };
}

/** Central was full, or nothing was tried: load balancers look every second whether a port opens. */
const NO_ATTEMPTS: ReadonlySet<string> = new Set([
  "link.too_many",
  "link.queue_full",
  "link.handshake_cut",
]);

/** Our own intermediates are known, so a client need not send them. */
function judgeOf({ authority, now }: AgentsListenerDeps): JudgeClient {
  const judge = createClientJudge({
    trustDomain: authority.trustDomain,
    roots: () => [authority.root],
    // Serials are looked up in the database when the first request arrives (control/admission.ts).
    isRevoked: () => false,
    now,
  });
  return (leaf) => {
    // The one it names, whatever the number of namespaces: a path is sought among a few certificates only.
    const issuer = leaf === undefined ? undefined : authority.issuerOf(leaf);
    return judge(leaf, issuer === undefined ? [] : [issuer]);
  };
}
