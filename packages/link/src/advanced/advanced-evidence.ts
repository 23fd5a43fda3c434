import type { TLSSocket } from "node:tls";
import { formatTimestamp, type LinkEvidence, TautlineError } from "@tautline/protocol";
import { isPostQuantumGroup } from "../crypto-choice.ts";
import { dialledGroup, readOwnSession } from "../negotiated-group.ts";
import { groupName } from "../session-der.ts";
import { usedPsk } from "./used-psk.ts";

/** The key that a link was secured with. */
export interface ProvenKey {
  /** As `formatKeyIdentity` writes it. */
  readonly keyId: string;
  /** Nobody but central and one agent was given it. */
  readonly isBound: boolean;
}

/**
 * Shows what an accepted link of the level `advanced` really negotiated. The level needs that a pre-shared key carried the handshake
 * (`usedPsk`), that no certificate of the other end took part, and in TLS 1.2 the extended master secret (RFC 7627).
 *
 * @param socket after its handshake
 * @param key that the other end named and, with the handshake, proved
 * @param now milliseconds since 1970
 * @throws link.unproven_level
 */
export function evidenceOfAcceptedPsk(
  socket: TLSSocket,
  key: ProvenKey,
  now: () => number,
): LinkEvidence {
  requirePsk(socket);
  const session = readOwnSession(socket);
  if (session?.hasPeerCertificate === true) {
    throw unproven(socket, "a certificate took part in the handshake");
  }
  const isOld = socket.getProtocol() === "TLSv1.2";
  if (isOld && session?.extendedMasterSecret !== true) {
    throw unproven(socket, "its master secret is not the extended one");
  }
  // The session of a DHE suite names no group; it is the one that this end allows (node-facts: the suite and our own setting).
  const group = isOld ? "ffdhe3072" : groupName(session?.group);
  return evidence(socket, key, group, now);
}

/**
 * Shows what a dialled link of the level `advanced` really negotiated.
 *
 * @param socket after its handshake
 * @param key that this end used
 * @param now milliseconds since 1970
 * @throws link.unproven_level
 */
export function evidenceOfDialledPsk(
  socket: TLSSocket,
  key: ProvenKey,
  now: () => number,
): LinkEvidence {
  requirePsk(socket);
  return evidence(socket, key, dialledGroup(socket), now);
}

function evidence(
  socket: TLSSocket,
  { keyId, isBound }: ProvenKey,
  group: string | undefined,
  now: () => number,
): LinkEvidence {
  return {
    level: "advanced",
    protocol: socket.getProtocol(),
    cipher: socket.getCipher().name,
    group: group ?? null,
    pq: isPostQuantumGroup(group),
    serverProven: isBound,
    clientProven: isBound,
    // Both ends allow suites with an ephemeral key exchange only (RFC 8446 section 4.2.9 psk_dhe_ke; RFC 5487 DHE_PSK).
    forwardSecret: true,
    peerId: null,
    peerSerial: null,
    keyId,
    since: formatTimestamp(now()),
  };
}

function requirePsk(socket: TLSSocket): void {
  const facts = {
    protocol: socket.getProtocol(),
    isSessionReused: socket.isSessionReused(),
    cipher: socket.getCipher().name,
  };
  if (!usedPsk(facts)) throw unproven(socket, "no pre-shared key carried the handshake");
}

function unproven(socket: TLSSocket, reason: string): TautlineError {
  const address = socket.remoteAddress ?? "an unknown address";
  return new TautlineError("link.unproven_level", {
    detail: { address, level: "advanced", reason },
  });
}
