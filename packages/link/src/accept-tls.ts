import type { Server, Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { TautlineError, toTautlineError, type LinkEvidence } from "@tautline/protocol";
import { formatHostPort } from "./addresses.ts";
import type {
  CertificateMark,
  ClientVerdict,
  ForeignPeer,
  JudgeClient,
  LapsedPeer,
  ProgramPeer,
} from "./client-judge.ts";
import type { CryptoChoice } from "./crypto-choice.ts";
import { createGatedServer, HANDSHAKE_LEASE_MS, type HandshakeGate } from "./handshake-gate.ts";
import { forgetPeerChain, peerChain } from "./peer-chain.ts";
import { evidenceOfAccepted, type CertifiedPeer } from "./tls-evidence.ts";
import { nameTlsFailure } from "./tls-failure.ts";
import type { InnerProtocols, TlsIdentity } from "./tls-settings.ts";
import { createShownIdentities, type OtherFront } from "./shown-identities.ts";

/** What an acceptor needs. */
export interface TlsAcceptorOptions {
  readonly identity: TlsIdentity;
  /**
   * Authorities named to clients when they are asked for a certificate; "" asks nobody. What is accepted is `judgeClient`'s
   * decision alone.
   */
  readonly clientRootsPem: string;
  /** The name (SNI) by which callers ask for `identity` where others are shown another; without it nobody is. */
  readonly ownName?: string;
  readonly judgeClient: JudgeClient;
  readonly handshakeTimeoutMs: number;
  /** Groups and suites that are allowed; the default where it is left out. */
  readonly crypto?: CryptoChoice | undefined;
  /** What may be spoken inside, best first; HTTP/1.1 alone unless told. What was chosen is the socket's `alpnProtocol`. */
  readonly protocols?: InnerProtocols | undefined;
  /** Connections open at once, handshakes included; no limit unless told. */
  readonly maxConnections?: number;
  /** Asked before anything is spent on a connection; without one every handshake begins at once. */
  readonly gate?: HandshakeGate | undefined;
  /** How long a caller who lets its half of the handshake wait holds its place in the gate, in milliseconds. */
  readonly leaseMs?: number;
  readonly now: () => number;
  /** A handshake is finished. With `refusal` the client must be told why and given nothing else. */
  readonly onSecured: (socket: TLSSocket, evidence: LinkEvidence, refusal?: TautlineError) => void;
  /** A connection failed before that; it is closed already. `address` is "host:port", `remoteAddress` the host alone. */
  readonly onFailed: (error: TautlineError, address: string, remoteAddress: string) => void;
}

/** The accepting end of `tls` and `mtls`. */
export interface TlsAcceptor {
  /** Not listening yet. */
  readonly server: Server;
  /**
   * Shows another certificate from the next handshake on; links that stand are not touched.
   *
   * @throws link.identity_rejected, and the identity in use stays
   */
  replaceIdentity(identity: TlsIdentity): void;
  /**
   * Shows another certificate, or names other authorities, to callers that do not ask for `ownName`, from the next handshake on;
   * undefined shows them what everybody is shown.
   *
   * @throws link.identity_rejected, and what was shown before stays
   */
  replaceOthers(front: OtherFront | undefined): void;
}

const evidences = new WeakMap<Socket, LinkEvidence>();
const lapsedPeers = new WeakMap<Socket, LapsedPeer>();
const refusals = new WeakMap<Socket, TautlineError>();
const foreignPeers = new WeakMap<Socket, ForeignPeer>();
const programs = new WeakMap<Socket, SecuredProgram>();
const marks = new WeakMap<Socket, CertificateMark>();

/** The evidence of a socket that an acceptor secured; `undefined` for any other. */
export function evidenceOf(socket: Socket): LinkEvidence | undefined {
  return evidences.get(socket);
}

/** Why the client on this socket is refused; `undefined` where it is not. */
export function refusalOf(socket: Socket): TautlineError | undefined {
  return refusals.get(socket);
}

/** By what the certificate on this socket is known, if its chain was proven (also of a lapsed one); `undefined` where none was. */
export function markOf(socket: Socket): CertificateMark | undefined {
  return marks.get(socket);
}

/** Whose certificate of an existing PKI was accepted on this socket; `undefined` where there was none. */
export function foreignOf(socket: Socket): ForeignPeer | undefined {
  return foreignPeers.get(socket);
}

/** A program with a certificate of ours, and what was negotiated with it, where that certificate is taken. */
export interface SecuredProgram extends ProgramPeer {
  /** Of level `mtls`, without a SPIFFE ID. */
  readonly evidence: LinkEvidence;
}

/** Which program the refused client on this socket was, if its certificate is one of ours for a program; `undefined` where it is not. */
export function programOf(socket: Socket): SecuredProgram | undefined {
  return programs.get(socket);
}

/** Who the refused client on this socket was, if nothing but its certificate's end spoke against it. */
export function lapsedPeerOf(socket: Socket): LapsedPeer | undefined {
  return lapsedPeers.get(socket);
}

/**
 * Makes the accepting end of the levels `tls` and `mtls` (DESIGN section 4).
 *
 * A handshake with a refused client certificate completes, so that the protocol inside can say why; a client without one has
 * level `tls`. No exception of a callback leaves here: the connection is closed and `onFailed` told.
 *
 * @throws link.identity_rejected
 */
export function createTlsAcceptor(options: TlsAcceptorOptions): TlsAcceptor {
  const shown = createShownIdentities(options);
  const timeoutMs = options.handshakeTimeoutMs;
  const secured = createServer({
    ...shown.settings(),
    handshakeTimeout: timeoutMs,
    noDelay: true,
  });
  const fail = (error: unknown, address: string, remoteAddress: string): void => {
    reportFailure(options, nameTlsFailure(error, { address, timeoutMs }), [address, remoteAddress]);
  };
  const gated =
    options.gate &&
    createGatedServer({
      gate: options.gate,
      timeoutMs,
      leaseMs: options.leaseMs ?? HANDSHAKE_LEASE_MS,
      now: options.now,
      secure: (socket) => secured.emit("connection", socket),
      onFailed: fail,
    });
  // Who listens is the gate, if there is one: connections come to TLS only through it.
  const server: Server = gated?.server ?? secured;
  if (options.maxConnections !== undefined) {
    server.maxConnections = options.maxConnections;
  }
  secured.on("tlsClientError", (error, socket) => {
    const [address, remoteAddress] = [addressOf(socket), socket.remoteAddress ?? "unknown"];
    gated?.over(socket);
    // Node leaves the socket open here: each failed handshake would keep its descriptor (A15).
    socket.destroy();
    fail(error, address, remoteAddress);
  });
  // Half-open only from the handshake's end: else a caller that hangs up in it would hold its descriptor until the time limit.
  secured.on("connection", allowHalfOpen);
  secured.on("secureConnection", (socket) => {
    gated?.over(socket);
    secure(socket, options, fail);
  });
  server.on("drop", (data) => {
    const remoteAddress = data?.remoteAddress ?? "unknown";
    const address = formatHostPort(remoteAddress, data?.remotePort ?? 0);
    const limit = options.maxConnections ?? 0;
    const error = new TautlineError("link.too_many", { detail: { address, limit } });
    fail(error, address, remoteAddress);
  });
  return {
    server,
    replaceIdentity: (identity) => {
      shown.replaceOwn(identity);
      secured.setSecureContext(shown.settings());
    },
    replaceOthers: (front) => {
      shown.replaceOthers(front);
      secured.setSecureContext(shown.settings());
    },
  };
}

function secure(
  socket: TLSSocket,
  options: TlsAcceptorOptions,
  fail: (error: unknown, address: string, remoteAddress: string) => void,
): void {
  allowHalfOpen(socket);
  const [address, remoteAddress] = [addressOf(socket), socket.remoteAddress ?? "unknown"];
  try {
    const [leaf, ...intermediates] = peerChain(socket);
    const verdict = options.judgeClient(leaf, intermediates);
    const evidence = evidenceOfAccepted(socket, certifiedPeer(verdict), options.now);
    if ("refuse" in verdict && verdict.program !== undefined) {
      const { peerSerial } = verdict.program;
      const shown = evidenceOfAccepted(socket, { peerId: null, peerSerial }, options.now);
      programs.set(socket, { ...verdict.program, evidence: shown });
    }
    forgetPeerChain(socket);
    evidences.set(socket, evidence);
    const mark = markIn(verdict);
    if (mark !== undefined) marks.set(socket, mark);
    if ("foreign" in verdict) foreignPeers.set(socket, verdict.foreign);
    if ("refuse" in verdict) {
      refusals.set(socket, verdict.refuse);
      if (verdict.lapsed !== undefined) lapsedPeers.set(socket, verdict.lapsed);
      options.onSecured(socket, evidence, verdict.refuse);
    } else {
      options.onSecured(socket, evidence);
    }
  } catch (error) {
    socket.destroy();
    fail(toTautlineError(error), address, remoteAddress);
  }
}

function allowHalfOpen(socket: Socket): void {
  socket.allowHalfOpen = true;
}

function certifiedPeer(verdict: ClientVerdict): CertifiedPeer | undefined {
  if ("refuse" in verdict || verdict.level !== "mtls") return undefined;
  if ("foreign" in verdict) return { peerId: null, peerSerial: verdict.foreign.serial };
  return { peerId: verdict.peerId, peerSerial: verdict.peerSerial };
}

function markIn(verdict: ClientVerdict): CertificateMark | undefined {
  if ("refuse" in verdict) return verdict.lapsed?.mark;
  return "mark" in verdict ? verdict.mark : undefined;
}

function reportFailure(
  options: TlsAcceptorOptions,
  error: TautlineError,
  [address, remoteAddress]: readonly [string, string],
): void {
  try {
    options.onFailed(error, address, remoteAddress);
  } catch {
    // Whoever reports failures has nobody left to report its own to; the connection is closed already.
  }
}

function addressOf(socket: Socket): string {
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined || remotePort === undefined
    ? "an unknown address"
    : formatHostPort(remoteAddress, remotePort);
}
