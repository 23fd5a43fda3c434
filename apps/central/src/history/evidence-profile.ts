import { type Level, type LinkEvidence, printableText } from "@tautline/protocol";
import { HISTORY_LIMITS } from "./history-limits.ts";

/** What links have in common that negotiated the same: evidence without who, which serial and when. */
export interface EvidenceProfile {
  readonly level: Level;
  readonly protocol: string | null;
  readonly cipher: string | null;
  readonly group: string | null;
  readonly pq: boolean;
  readonly serverProven: boolean;
  readonly clientProven: boolean;
  readonly forwardSecret: boolean;
  /** By what the agent proved itself. */
  readonly credential: "certificate" | "key" | "none";
}

/**
 * Takes out of a link's evidence what is the same for many links.
 *
 * @param evidence as the link negotiated it
 */
export function profileOf(evidence: LinkEvidence): EvidenceProfile {
  const { level, pq, serverProven, clientProven, forwardSecret } = evidence;
  return {
    level,
    protocol: bounded(evidence.protocol),
    cipher: bounded(evidence.cipher),
    group: bounded(evidence.group),
    pq,
    serverProven,
    clientProven,
    forwardSecret,
    credential: credentialOf(evidence),
  };
}

function credentialOf({
  clientProven,
  keyId,
  peerSerial,
}: LinkEvidence): EvidenceProfile["credential"] {
  // An agent that proved its identity on a link of a shared key proved more than the key.
  if (clientProven && peerSerial !== null) return "certificate";
  return keyId === null ? "none" : "key";
}

function bounded(name: string | null): string | null {
  return name === null ? null : printableText(name, HISTORY_LIMITS.evidenceCharacters);
}

/**
 * The profile under which an agent's evidence goes on when it has shown too many: the level, and nothing that would be in its favour.
 *
 * @param level of the link
 */
export function coarseProfile(level: Level): EvidenceProfile {
  const nothing = { pq: false, serverProven: false, clientProven: false, forwardSecret: false };
  return { level, protocol: null, cipher: null, group: null, ...nothing, credential: "none" };
}

/**
 * Writes a profile so that equal ones have equal texts.
 *
 * @param profile a profile
 */
export function profileText(profile: EvidenceProfile): string {
  const { level, protocol, cipher, group, credential } = profile;
  const flags = [profile.pq, profile.serverProven, profile.clientProven, profile.forwardSecret].map(
    Number,
  );
  return JSON.stringify([level, protocol, cipher, group, credential, ...flags]);
}
