import type { Server } from "node:net";
import type { Logger } from "@tautline/daemon";
import type { TlsAcceptor } from "@tautline/link";
import { type Level, LEVELS, TautlineError } from "@tautline/protocol";
import type { CertificateAuthority } from "../authority/authority.ts";
import type { CentralIdentity } from "../authority/central-identity.ts";
import type { CentralConfig } from "../config.ts";
import type { Refusals } from "../control/refusals.ts";
import type { Herd } from "../herd/herd.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import { createAgentsAcceptors } from "../listeners/agents-acceptors.ts";
import type { Drainable } from "../listeners/drain.ts";
import { failureNoter } from "../listeners/failure-noter.ts";
import { createLevelPort } from "../listeners/level-port.ts";
import { createMovablePorts, type PortChange } from "../listeners/movable-ports.ts";
import type { ReceiverPortName, SecuredConnection } from "../listeners/secured-connection.ts";
import { isLoopback } from "../listeners/loopback-rule.ts";
import type { ForeignFront } from "../tls-files/foreign-front.ts";
import type { ExposedTokens } from "./exposed-token.ts";
import {
  RECEIVER_PORTS,
  receiverLevels,
  type ReceiverSettings,
  type SetPorts,
} from "./receiver-settings.ts";
import type { ReceiverService } from "./receiver-service.ts";

/** The ports for telemetry. */
export interface ReceiverListener extends SetPorts {
  start(): Promise<void>;
  readonly acceptor: Pick<TlsAcceptor, "replaceIdentity">;
  /** Goes over to other settings while it runs; what is no longer accepted is ended with the reason. */
  change(change: PortChange<ReceiverSettings>): Promise<void>;
  /** Listens no longer, lets calls end for a moment, and cuts the rest. */
  stop(): Promise<void>;
}

/** What the ports need. */
export interface ReceiverListenerDeps {
  readonly config: Pick<CentralConfig, "agents" | "receiver">;
  readonly first: ReceiverSettings;
  readonly authority: CertificateAuthority;
  readonly identity: CentralIdentity;
  readonly keys: KeyRing;
  readonly herd: Pick<Herd, "handshakes" | "keyHandshakes" | "sources">;
  /** What callers of an existing PKI are shown and asked for. */
  readonly front: ForeignFront;
  readonly refusals: Pick<Refusals, "noteFailed">;
  readonly service: Pick<ReceiverService, "serve" | "judgeAgain" | "stop">;
  readonly exposed: ExposedTokens;
  /** What central says of itself with every answer of its own. */
  readonly offer: () => string;
  readonly log: Logger;
  readonly now: () => number;
}

/** For calls that run when central stops. */
const STOP_GRACE_MS = 2_000;

/**
 * Builds the ports for telemetry: whatever secures a connection, gRPC and HTTP are served on it.
 *
 * @param deps central's parts
 */
export function createReceiverListener(deps: ReceiverListenerDeps): ReceiverListener {
  const { service } = deps;
  const settings = (): ReceiverSettings => ports.settings();
  const { certificates, serverOf } = createTaking(deps, settings);
  const ports = createMovablePorts<ReceiverPortName, ReceiverSettings>({
    first: deps.first,
    names: RECEIVER_PORTS,
    named: {
      receiver: { listener: "receiver's", flag: "--port" },
      "receiver-plaintext": { listener: "receiver's plaintext", flag: "--port" },
    },
    wanted: (wanted, name) => {
      const { bind, port } = wanted[name];
      const { host } = deps.config.receiver;
      return bind === "off" ? undefined : { bind, port, host };
    },
    real: realPorts,
    serve: serverOf,
    log: deps.log,
  });
  return {
    acceptor: certificates,
    settings,
    addressesOf: (name) => ports.addressesOf(name),
    start: () => ports.open(),
    change: async (change) => {
      await ports.change(change);
      service.judgeAgain();
    },
    stop: async () => {
      const closed = ports.close();
      await service.stop(STOP_GRACE_MS);
      ports.cut();
      await closed;
    },
  };
}

interface Taking {
  readonly certificates: TlsAcceptor;
  /** A server for connections to a port, not listening yet. */
  readonly serverOf: (name: ReceiverPortName) => Server;
}

/** What takes connections, at whatever level they come. */
function createTaking(deps: ReceiverListenerDeps, settings: () => ReceiverSettings): Taking {
  const { now, service, exposed, offer } = deps;
  const { handshakeTimeout: handshakeTimeoutMs, maxConnections } = deps.config.agents;
  const onFailed = failureNoter(deps);
  const serve = (stream: Drainable, connection: SecuredConnection): void => {
    const isPlain = connection.evidence.level === "plaintext";
    const door = isPlain ? "receiver-plaintext" : "receiver";
    const isLocal = settings()[door].bind === "loopback";
    // It came in by a port that was open to all a moment ago.
    if (isLocal && !isLoopback(connection.remoteAddress)) return void stream.destroy();
    service.serve({ stream, connection, door });
  };
  const { certificates, advanced, basic } = createAgentsAcceptors({
    ...deps,
    protocols: () => ["h2", "http/1.1"],
    onSecured: serve,
    onFailed,
  });
  const levelsOf = (name: ReceiverPortName): readonly Level[] => receiverLevels(settings(), name);
  const taking = {
    certificates: certificates.server,
    advanced,
    basic,
    onPlain: serve,
    takesHttp2: true,
    handshakeTimeoutMs,
    maxConnections,
    now,
    offer,
    onFailed,
    endToken: (authorization: string) => exposed.endShown(authorization),
    acceptedAnywhere: () =>
      LEVELS.filter((level) => RECEIVER_PORTS.some((name) => levelsOf(name).includes(level))),
  };
  const serverOf = (name: ReceiverPortName): Server =>
    createLevelPort({
      ...taking,
      accepted: () => levelsOf(name),
      refusalOf: (level) => portRefusal(level, levelsOf(name)),
    });
  return { certificates, serverOf };
}

function portRefusal(level: Level, accepted: readonly Level[]): TautlineError {
  const detail = { level, accepted: accepted.join(", ") || "nothing" };
  return new TautlineError("receiver.port_level", { detail });
}

function realPorts(
  settings: ReceiverSettings,
  portOf: (name: ReceiverPortName) => number | undefined,
): ReceiverSettings {
  const { receiver, "receiver-plaintext": plaintext } = settings;
  return {
    receiver: { ...receiver, port: portOf("receiver") ?? receiver.port },
    "receiver-plaintext": { ...plaintext, port: portOf("receiver-plaintext") ?? plaintext.port },
  };
}
