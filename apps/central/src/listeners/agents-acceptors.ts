import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import {
  type CandidateKey,
  centralServerName,
  type ConnectionTaker,
  createAdvancedAcceptor,
  createBasicAcceptor,
  createTlsAcceptor,
  foreignOf,
  type InnerProtocols,
  lapsedPeerOf,
  markOf,
  programOf,
  rootsPem,
  tlsBinding,
  type TlsAcceptor,
} from "@tautline/link";
import { type LinkEvidence, TautlineError } from "@tautline/protocol";
import { createAgentJudge } from "../authority/agent-judge.ts";
import type { CertificateAuthority } from "../authority/authority.ts";
import type { CentralIdentity } from "../authority/central-identity.ts";
import type { CentralConfig } from "../config.ts";
import type { Herd } from "../herd/herd.ts";
import type { KeyRing, LiveKey } from "../keys/key-ring.ts";
import type { ForeignFront } from "../tls-files/foreign-front.ts";
import { acceptedCrypto } from "./crypto-settings.ts";
import type { Drainable } from "./drain.ts";
import type { SecuredConnection } from "./secured-connection.ts";

/** What secures connections at each level that is secured at all. */
export interface AgentsAcceptors {
  readonly certificates: TlsAcceptor;
  readonly advanced: ConnectionTaker;
  readonly basic: ConnectionTaker;
}

/** What they need. */
export interface AgentsAcceptorsDeps {
  readonly authority: CertificateAuthority;
  readonly identity: CentralIdentity;
  readonly keys: KeyRing;
  /** What callers of an existing PKI are shown and asked for. */
  readonly front: ForeignFront;
  readonly herd: Pick<Herd, "handshakes" | "keyHandshakes">;
  readonly config: Pick<CentralConfig, "agents">;
  readonly now: () => number;
  /** What may be spoken inside tls and mtls, best first; HTTP/1.1 alone unless told. */
  readonly protocols?: InnerProtocols | undefined;
  readonly onSecured: (stream: Drainable, connection: SecuredConnection) => void;
  readonly onFailed: (error: TautlineError, address: string, remoteAddress: string) => void;
}

/**
 * Makes the acceptors of the levels tls and mtls, advanced, and basic.
 *
 * @param deps identity, keys, herd control, and who is told
 */
export function createAgentsAcceptors(deps: AgentsAcceptorsDeps): AgentsAcceptors {
  const { keys, herd, now, onSecured, onFailed } = deps;
  const { handshakeTimeout: handshakeTimeoutMs } = deps.config.agents;
  // `basic` is one construction and has no choice.
  const crypto = acceptedCrypto(deps.config.agents);
  const limits = { handshakeTimeoutMs, now, onFailed };
  const acceptors = {
    certificates: createTlsAcceptor({
      ...limits,
      crypto,
      protocols: deps.protocols,
      identity: deps.identity.current(),
      clientRootsPem: rootsPem([deps.authority.root]),
      ownName: centralServerName(deps.authority.trustDomain),
      judgeClient: deps.front.judge(createAgentJudge(deps.authority, now)),
      gate: herd.handshakes,
      onSecured: (socket, evidence, refusal) => {
        const [lapsed, mark] = [lapsedPeerOf(socket), markOf(socket)];
        const [foreign, program] = [foreignOf(socket), programOf(socket)];
        const shown = { refusal, lapsed, mark, foreign, program };
        onSecured(socket, { ...tlsConnection(socket, evidence), ...shown });
      },
    }),
    advanced: createAdvancedAcceptor({
      ...limits,
      crypto,
      gate: herd.keyHandshakes.advanced,
      findKey: (identity) => keys.find(identity)[0],
      onSecured: (stream, evidence, { name, version }) => {
        const [key] = keys.find({ name, version });
        if (key === undefined) refuseRemoved(stream, evidence, deps);
        else onSecured(stream, { ...tlsConnection(stream, evidence), key });
      },
    }),
    basic: createBasicAcceptor({
      ...limits,
      gate: herd.keyHandshakes.basic,
      findKeys: (identity) => keys.find(identity).map(candidateOf),
      onSecured: ({ stream, evidence, key: { name, version }, handshakeHash }) => {
        const [key] = keys.find({ name, version });
        if (key === undefined) return refuseRemoved(stream, evidence, deps);
        const { remoteAddress = "unknown" } = stream;
        const binding = (): Buffer => handshakeHash;
        onSecured(stream, { listener: "agents", evidence, remoteAddress, key, binding });
      },
    }),
  };
  deps.front.showOn(acceptors.certificates);
  return acceptors;
}

function candidateOf({ name, version, agentId, basicPsk: psk }: LiveKey): CandidateKey {
  return { name, version, agentId, psk };
}

function tlsConnection(socket: TLSSocket, evidence: LinkEvidence): SecuredConnection {
  const remoteAddress = socket.remoteAddress ?? "unknown";
  return { listener: "agents", evidence, remoteAddress, binding: () => tlsBinding(socket) };
}

/** A version that was removed while the handshake went on opens nothing. */
function refuseRemoved(
  stream: Duplex & { readonly remoteAddress?: string | undefined },
  { level, keyId }: LinkEvidence,
  { onFailed }: AgentsAcceptorsDeps,
): void {
  const { remoteAddress: address = "unknown" } = stream;
  stream.destroy();
  const reason = `the key ${keyId ?? ""} is no longer live here`;
  const detail = { address, level, reason };
  onFailed(new TautlineError("link.unproven_level", { detail }), address, address);
}
