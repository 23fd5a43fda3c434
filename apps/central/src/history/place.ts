import type { Level, LinkKind } from "@tautline/protocol";
import { coarseProfile, type EvidenceProfile } from "./evidence-profile.ts";

/** What the history keeps apart for one agent. */
export interface Place {
  readonly kind: LinkKind;
  /** The agent's component that the link belongs to. */
  readonly component: string;
  readonly profile: EvidenceProfile;
  /** Code of the refusal, such as `admission.agent_revoked`; empty for links that were taken. */
  readonly code: string;
}

/** How an agent's components and reasons beyond the bounds are called. */
export const OTHER = "other";

/**
 * The place for what an agent shows beyond `HISTORY_LIMITS.keysPerAgent`: kind, level and whether it was refused are still told.
 *
 * @param place the exact one
 */
export function coarsePlace({ kind, profile, code }: Place): Place {
  const level: Level = profile.level;
  return {
    kind,
    component: OTHER,
    profile: coarseProfile(level),
    code: code === "" ? "" : OTHER,
  };
}
