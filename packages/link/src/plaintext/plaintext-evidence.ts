import { formatTimestamp, type LinkEvidence } from "@tautline/protocol";

/**
 * What a link of the level `plaintext` is: nothing proven, nothing kept from anybody.
 *
 * @param now milliseconds since 1970
 */
export function plaintextEvidence(now: () => number): LinkEvidence {
  return {
    level: "plaintext",
    protocol: null,
    cipher: null,
    group: null,
    pq: false,
    serverProven: false,
    clientProven: false,
    forwardSecret: false,
    peerId: null,
    peerSerial: null,
    keyId: null,
    since: formatTimestamp(now()),
  };
}
