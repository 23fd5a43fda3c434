/* Equipment: links as the receiver knows them. No tests of its own. */
import { type Level, type LinkEvidence } from "@tautline/protocol";

/** Evidence of a link at a level, without a hybrid exchange. */
export function evidenceAt(level: Level): LinkEvidence {
  const isTls = level === "tls" || level === "mtls";
  return {
    level,
    protocol: isTls ? "TLSv1.3" : null,
    cipher: null,
    group: isTls ? "X25519" : null,
    pq: false,
    serverProven: isTls,
    clientProven: level === "mtls",
    forwardSecret: isTls,
    peerId: null,
    peerSerial: null,
    keyId: level === "basic" || level === "advanced" ? "k#1" : null,
    since: "2026-01-01T00:00:00.000Z",
  };
}
