import type { TLSSocket } from "node:tls";
import { serialOf } from "@tautline/pki";
import { TautlineError, formatTimestamp, type LinkEvidence } from "@tautline/protocol";
import { isPostQuantumGroup } from "./crypto-choice.ts";
import { peerChain } from "./peer-chain.ts";
import { dialledGroup, readOwnSession } from "./negotiated-group.ts";
import { groupName } from "./session-der.ts";

/** A peer whose certificate our own check accepted. */
export interface ProvenPeer {
  /** SPIFFE ID. */
  readonly peerId: string;
  /** Certificate serial, lower-case hex. */
  readonly peerSerial: string;
}

/** A peer with an accepted certificate; `peerId` is null where another PKI issued it, which cannot give a name in this fleet. */
export type CertifiedPeer = Pick<LinkEvidence, "peerId"> & Pick<ProvenPeer, "peerSerial">;

/**
 * Shows what an accepted TLS connection really negotiated, from central's end.
 *
 * Level `mtls` needs TLS 1.3, a full handshake, and that the certificate on this very socket is the one that was accepted;
 * level `tls` needs the first two. `serverProven` says that our certificate carried the handshake, as any full one does.
 *
 * @param who the client our own check accepted; `undefined` where it showed no certificate, or a refused one
 * @param now milliseconds since 1970
 * @throws link.unproven_level where not even `tls` can be shown
 */
export function evidenceOfAccepted(
  socket: TLSSocket,
  who: CertifiedPeer | undefined,
  now: () => number,
): LinkEvidence {
  requireFullHandshake(socket);
  const session = readOwnSession(socket);
  if (who !== undefined) {
    requirePeer(socket, who);
    if (session?.hasPeerCertificate === false) {
      throw unproven(socket, "mtls", "its session holds no certificate of the other end");
    }
  }
  return {
    ...negotiated(socket, groupName(session?.group)),
    level: who === undefined ? "tls" : "mtls",
    serverProven: true,
    clientProven: who !== undefined,
    peerId: who?.peerId ?? null,
    peerSerial: who?.peerSerial ?? null,
    since: formatTimestamp(now()),
  };
}

/**
 * Shows what a dialled TLS connection really negotiated, from the agent's end.
 *
 * Level `mtls` needs in addition that the server asked for our certificate. It does not say that the server accepted it: a
 * TLS 1.3 client is done before the server has judged, so a link counts as connected only after its first answer.
 *
 * @param who central, as our own check proved it
 * @param showedCertificate whether this end had a certificate to show
 * @param now milliseconds since 1970
 * @throws link.unproven_level
 */
export function evidenceOfDialled(
  socket: TLSSocket,
  who: ProvenPeer,
  options: { readonly showedCertificate: boolean; readonly now: () => number },
): LinkEvidence {
  requireFullHandshake(socket);
  requirePeer(socket, who);
  if (options.showedCertificate && !wasAskedForCertificate(socket)) {
    throw unproven(socket, "mtls", "the other end did not ask for this end's certificate");
  }
  return {
    ...negotiated(socket, dialledGroup(socket)),
    level: options.showedCertificate ? "mtls" : "tls",
    serverProven: true,
    clientProven: options.showedCertificate,
    peerId: who.peerId,
    peerSerial: who.peerSerial,
    since: formatTimestamp(options.now()),
  };
}

/**
 * Shows what a TLS connection to a server of an existing PKI really negotiated, from the dialling end: TLS 1.3, or 1.2 with an
 * ephemeral key exchange. Whom the server's certificate names is not an identity of this fleet, so `peerId` is null.
 *
 * @param peerSerial of the certificate that our own check accepted
 * @param options as for `evidenceOfDialled`
 * @throws link.unproven_level, link.certificate_unwanted
 */
export function evidenceOfFileServer(
  socket: TLSSocket,
  peerSerial: string,
  options: { readonly showedCertificate: boolean; readonly now: () => number },
): LinkEvidence {
  requireFreshExchange(socket);
  requirePeer(socket, { peerSerial });
  const { showedCertificate } = options;
  if (showedCertificate && !wasAskedForCertificate(socket)) {
    const address = socket.remoteAddress ?? "an unknown address";
    throw new TautlineError("link.certificate_unwanted", { detail: { address } });
  }
  return {
    ...negotiated(socket, dialledGroup(socket)),
    level: showedCertificate ? "mtls" : "tls",
    serverProven: true,
    clientProven: showedCertificate,
    peerId: null,
    peerSerial,
    since: formatTimestamp(options.now()),
  };
}

/** Every suite of TLS 1.3 has an ephemeral key exchange (RFC 8446 section 2), of those of TLS 1.2 the ones that say so. */
function requireFreshExchange(socket: TLSSocket): void {
  const suite = socket.getCipher().name;
  if (socket.getProtocol() !== "TLSv1.2") {
    requireFullHandshake(socket);
  } else if (socket.isSessionReused() || !suite.startsWith("ECDHE-")) {
    throw unproven(
      socket,
      "tls",
      `it was resumed, or its suite ${suite} has no fresh key exchange`,
    );
  }
}

/** TLS 1.3 and not resumed: only then did a certificate and a fresh key exchange take part. */
function requireFullHandshake(socket: TLSSocket): void {
  if (socket.getProtocol() !== "TLSv1.3") {
    throw unproven(socket, "tls", `its protocol is ${socket.getProtocol() ?? "unknown"}`);
  }
  if (socket.isSessionReused()) {
    throw unproven(socket, "tls", "it was resumed, so no certificate took part");
  }
}

function requirePeer(socket: TLSSocket, who: Pick<ProvenPeer, "peerSerial">): void {
  const [shown] = peerChain(socket);
  if (shown === undefined || serialOf(shown) !== who.peerSerial) {
    throw unproven(socket, "mtls", "the certificate on it is not the one that was checked");
  }
}

/** Only a CertificateRequest brings a TLS 1.3 client the signature algorithms of its server (RFC 8446 section 4.3.2). */
function wasAskedForCertificate(socket: TLSSocket): boolean {
  return socket.getSharedSigalgs().length > 0;
}

function negotiated(
  socket: TLSSocket,
  group: string | undefined,
): Pick<LinkEvidence, "protocol" | "cipher" | "group" | "pq" | "forwardSecret" | "keyId"> {
  return {
    protocol: socket.getProtocol(),
    cipher: socket.getCipher().name,
    group: group ?? null,
    pq: isPostQuantumGroup(group),
    // Every full TLS 1.3 handshake with certificates has an ephemeral key exchange (RFC 8446 section 2).
    forwardSecret: true,
    keyId: null,
  };
}

function unproven(socket: TLSSocket, level: string, reason: string): TautlineError {
  const address = socket.remoteAddress ?? "an unknown address";
  return new TautlineError("link.unproven_level", { detail: { address, level, reason } });
}
