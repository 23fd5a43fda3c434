import { formatTimestamp, type LinkEvidence } from "@tautline/protocol";
import { NOISE_PROTOCOL } from "../noise/nnpsk0.ts";

/**
 * What a link of the level `basic` is. Whoever holds the key has proven only that: it proves a certain agent, and central to that
 * agent, where nobody else was given the key (OVP-4).
 *
 * @param keyId name of the key, with the version that was used
 * @param isBound whether the key belongs to one agent alone
 * @param now milliseconds since 1970
 */
export function basicEvidence(keyId: string, isBound: boolean, now: () => number): LinkEvidence {
  return {
    level: "basic",
    protocol: NOISE_PROTOCOL,
    cipher: "AES-256-GCM",
    group: "X25519",
    pq: false,
    serverProven: isBound,
    clientProven: isBound,
    forwardSecret: true,
    peerId: null,
    peerSerial: null,
    keyId,
    since: formatTimestamp(now()),
  };
}
