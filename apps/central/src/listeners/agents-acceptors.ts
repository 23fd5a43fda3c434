import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import {
  type CandidateKey,
  type ConnectionTaker,
  createAdvancedAcceptor,
  createBasicAcceptor,
  createClientJudge,
  createTlsAcceptor,
  type JudgeClient,
  lapsedPeerOf,
  markOf,
  rootsPem,
  tlsBinding,
  type TlsAcceptor,
} from "@tautline/link";
import { type LinkEvidence, TautlineError } from "@tautline/protocol";
import type { CertificateAuthority } from "../authority/authority.ts";
import type { CentralIdentity } from "../authority/central-identity.ts";
import type { Herd } from "../herd/herd.ts";
import type { KeyRing, LiveKey } from "../keys/key-ring.ts";
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
  readonly herd: Pick<Herd, "handshakes" | "keyHandshakes">;
  readonly handshakeTimeoutMs: number;
  readonly now: () => number;
  readonly onSecured: (stream: Drainable, connection: SecuredConnection) => void;
  readonly onFailed: (error: TautlineError, address: string, remoteAddress: string) => void;
}

/**
 * Makes the acceptors of the levels tls and mtls, advanced, and basic.
 *
 * @param deps identity, keys, herd control, and who is told
 */
export function createAgentsAcceptors(deps: AgentsAcceptorsDeps): AgentsAcceptors {
  const { keys, herd, now, onSecured, onFailed, handshakeTimeoutMs } = deps;
  const limits = { handshakeTimeoutMs, now, onFailed };
  return {
    certificates: createTlsAcceptor({
      ...limits,
      identity: deps.identity.current(),
      clientRootsPem: rootsPem([deps.authority.root]),
      judgeClient: judgeOf(deps),
      gate: herd.handshakes,
      onSecured: (socket, evidence, refusal) => {
        const [lapsed, mark] = [lapsedPeerOf(socket), markOf(socket)];
        onSecured(socket, { ...tlsConnection(socket, evidence), refusal, lapsed, mark });
      },
    }),
    advanced: createAdvancedAcceptor({
      ...limits,
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

/** Our own intermediates are known, so a client need not send them. */
function judgeOf({ authority, now }: Pick<AgentsAcceptorsDeps, "authority" | "now">): JudgeClient {
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
