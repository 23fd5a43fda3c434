import type { IncomingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { Logger } from "@tautline/daemon";
import { type HostPort, plaintextEvidence, type TlsAcceptor } from "@tautline/link";
import { createApiApp } from "../api/api-app.ts";
import type { CertificateAuthority } from "../authority/authority.ts";
import type { CentralIdentity } from "../authority/central-identity.ts";
import type { CentralConfig } from "../config.ts";
import { serveControl, type ControlDeps } from "../control/control-endpoint.ts";
import { errorForPeer } from "../control/peer-error.ts";
import { challengeOf } from "../control/proof-challenge.ts";
import type { Herd } from "../herd/herd.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import type { Receiver } from "../receiver/receiver.ts";
import type { ReceiverListenerDeps } from "../receiver/receiver-listener.ts";
import { shownAddress } from "../sources/remote-network.ts";
import type { ForeignFront } from "../tls-files/foreign-front.ts";
import { type AgentsAcceptorsDeps, createAgentsAcceptors } from "./agents-acceptors.ts";
import { acceptedLevels, judgeConnection, judgePlace, judgeRequest } from "./caller-judge.ts";
import { drain } from "./drain.ts";
import { failureNoter } from "./failure-noter.ts";
import { createHttpServer } from "./http-server.ts";
import { createLevelPort, type LevelPortDeps } from "./level-port.ts";
import { createListenerPorts, type PortChange } from "./listener-ports.ts";
import { type ListenerSettings, placeOf } from "./listener-settings.ts";
import type { AgentsPortName } from "./secured-connection.ts";
import { createServing, type Serving } from "./serving.ts";
import { showOut } from "./show-out.ts";

/** The ports that agents dial. */
export interface AgentsListener {
  start(): Promise<void>;
  readonly acceptor: Pick<TlsAcceptor, "replaceIdentity">;
  settings(): ListenerSettings;
  /** The addresses really taken. */
  addressesOf(name: AgentsPortName): readonly HostPort[];
  /**
   * Goes over to other settings while it runs; whoever has no business here by them is shown out with the reason.
   *
   * @throws as `ListenerPorts.change`, and everything is as it was
   */
  change(change: PortChange): Promise<void>;
  /** Stops accepting and cuts what is still open after links were told good-bye. */
  stop(): Promise<void>;
}

/** What the agents' ports need. */
export interface AgentsListenerDeps {
  readonly config: Pick<CentralConfig, "agents" | "plaintext">;
  readonly first: ListenerSettings;
  readonly authority: CertificateAuthority;
  readonly identity: CentralIdentity;
  readonly keys: KeyRing;
  readonly control: Omit<ControlDeps, "judgeRequest">;
  readonly herd: Pick<Herd, "handshakes" | "keyHandshakes" | "sources">;
  /** What callers of an existing PKI are shown and asked for. */
  readonly front: ForeignFront;
  /** Takes HTTP/2, where it takes calls at all. */
  readonly receiver: Pick<Receiver, "takesCalls" | "exposed"> &
    Pick<ReceiverListenerDeps, "service">;
  readonly log: Logger;
  readonly now: () => number;
  /** Told where the ports are, when they open and when they move. */
  readonly onMoved: (at: Readonly<Record<AgentsPortName, HostPort | undefined>>) => void;
}

/**
 * Builds the agents' ports: whatever secures a connection, HTTP with OpAMP is served on it.
 *
 * @param deps central's parts
 */
export async function createAgentsListener(deps: AgentsListenerDeps): Promise<AgentsListener> {
  const { config, log, now } = deps;
  const { handshakeTimeout: handshakeTimeoutMs, maxConnections } = config.agents;
  const http = createHttpServer();
  const said = { now, offer: () => deps.control.offers.header() };
  const app = createApiApp({ log, server: http, tell: errorForPeer, ...said });
  const control = serveControl(app, http, {
    ...deps.control,
    judgeRequest: (connection, headers: IncomingHttpHeaders) =>
      judgeRequest(settings(), connection, headers),
  });
  await app.ready();
  const onFailed = failureNoter({ herd: deps.herd, refusals: deps.control.refusals });
  const settings = (): ListenerSettings => ports.settings();
  const { reopenings } = deps.control;
  const isReopenedTo = (remoteAddress: string): boolean => reopenings.covers(remoteAddress);
  const { serve, served } = createServing({ http, settings, isReopenedTo, onFailed });
  const { certificates, advanced, basic } = createAgentsAcceptors({
    ...deps,
    ...byProtocol(deps, settings, serve),
    onFailed,
  });
  const takers = { certificates: certificates.server, advanced, basic, onPlain: serve };
  const limits = { handshakeTimeoutMs, maxConnections };
  const taking = { ...takers, ...limits, onFailed, endToken: tokenEnder(deps), ...said };
  const ports = createListenerPorts({
    first: deps.first,
    hosts: { agents: config.agents.host, plaintext: config.plaintext.host },
    serve: (name) => createLevelPort({ ...taking, isReopenedTo, ...hearingOf(settings, name) }),
    log,
  });
  const tellWhere = (): void => {
    const [[agents], [plaintext]] = [ports.addressesOf("agents"), ports.addressesOf("plaintext")];
    deps.onMoved({ agents, plaintext });
  };
  return {
    acceptor: certificates,
    settings,
    addressesOf: (name) => ports.addressesOf(name),
    start: async () => {
      await ports.open();
      tellWhere();
    },
    change: async (change) => {
      await ports.change(change);
      tellWhere();
      showOut({ ...deps.control, log }, settings(), served);
    },
    stop: async () => {
      const closed = ports.close();
      const open = { [Symbol.iterator]: () => served.keys() };
      await drain({ http, open, settled: control.settled(), closed, cut: () => ports.cut() });
      await control.settled();
      await app.close();
    },
  };
}

/** What a port hears by the settings that hold when a caller comes. */
function hearingOf(
  settings: () => ListenerSettings,
  name: AgentsPortName,
): Pick<LevelPortDeps, "accepted" | "acceptedAnywhere" | "refusalFrom"> {
  return {
    accepted: () => placeOf(settings(), name).levels,
    acceptedAnywhere: () => acceptedLevels(settings()),
    refusalFrom: (remoteAddress) => judgePlace(settings(), "plaintext", remoteAddress),
  };
}

/** HTTP/2 is told from HTTP/1.1 in the handshake, and is telemetry: offered where there is some. Callers that speak both go on as they did. */
function byProtocol(
  { receiver }: Pick<AgentsListenerDeps, "receiver">,
  settings: () => ListenerSettings,
  serve: Serving["serve"],
): Pick<AgentsAcceptorsDeps, "protocols" | "onSecured"> {
  return {
    protocols: () => (receiver.takesCalls() ? ["http/1.1", "h2"] : ["http/1.1"]),
    onSecured: (stream, connection) => {
      if (!isHttp2(stream)) return serve(stream, connection);
      if (judgeConnection(settings(), connection) !== undefined) return void stream.destroy();
      receiver.service.serve({ stream, connection, door: "agents" });
    },
  };
}

function isHttp2(stream: Duplex): boolean {
  return stream instanceof TLSSocket && stream.alpnProtocol === "h2";
}

/** By the admission's own rule for tokens that others may have read; not for addresses that guess. */
function tokenEnder({
  control,
  herd,
  receiver,
  now,
}: AgentsListenerDeps): LevelPortDeps["endToken"] {
  return async (authorization, socket) => {
    const remoteAddress = shownAddress(socket.remoteAddress ?? "unknown");
    if (herd.sources.waitMs(remoteAddress) !== undefined) return undefined;
    const ofClient = await receiver.exposed.endShown(authorization);
    if (ofClient !== undefined) return ofClient;
    const shown = { authorization, proof: undefined, challenge: challengeOf(socket, now) };
    const evidence = plaintextEvidence(now);
    const secured = { listener: "plaintext", evidence, binding: () => undefined } as const;
    try {
      await control.admission.admit({ ...secured, ...shown, remoteAddress });
    } catch (error) {
      return errorForPeer(error);
    }
    return undefined;
  };
}
