import type { LinkEvidence } from "./evidence.ts";
import { compareLevels, type Level, LEVELS } from "./level.ts";

/** What links of one kind have to have in one namespace (DESIGN "Policy"). */
export interface LinkPolicy {
  /** The levels that are accepted, a set in rising order; never empty. Where `tls` is, `mtls` is too. */
  readonly accept: readonly Level[];
  /** Whether whoever dials has to have proven on the link itself who it is. */
  readonly clientProof: "none" | "require";
  /** Whether the key exchange has to be a hybrid post-quantum one. */
  readonly postQuantum: "prefer" | "require";
  /** Whether plaintext from central's own host (127.0.0.1, ::1) goes on whatever else is asked for (QM-13, QM-14). */
  readonly loopback: "keep" | "off";
}

/** Where nobody has set a policy: whatever a listener hears is good enough. */
export const OPEN_POLICY: LinkPolicy = {
  accept: LEVELS,
  clientProof: "none",
  postQuantum: "prefer",
  loopback: "keep",
};

/** What of a link a policy is about. */
export interface PolicyFacts extends Pick<LinkEvidence, "level" | "pq" | "clientProven"> {
  /** The other end is on central's own host. */
  readonly isLoopback: boolean;
}

/** What a link lacks: the first of these that it does. */
export type PolicyLack = "level" | "client-proof" | "post-quantum";

/**
 * Decides what a link lacks under a policy. Pure; what a link has more than asked for is never held against it.
 *
 * @param policy that holds
 * @param link what it negotiated, and whether it comes from this host
 * @returns undefined where it is good enough
 */
export function lackOf(policy: LinkPolicy, link: PolicyFacts): PolicyLack | undefined {
  if (link.isLoopback && link.level === "plaintext" && policy.loopback === "keep") return undefined;
  if (!acceptsLevel(policy.accept, link.level)) return "level";
  if (policy.clientProof === "require" && !link.clientProven) return "client-proof";
  return policy.postQuantum === "require" && !link.pq ? "post-quantum" : undefined;
}

/**
 * Tells whether a set of levels has one; a mutual link is never refused for being more than `tls`, nor taken for less.
 *
 * @param accept the set
 * @param level of a link
 */
export function acceptsLevel(accept: readonly Level[], level: Level): boolean {
  return accept.includes(level) || (level === "mtls" && accept.includes("tls"));
}

/**
 * The levels from one on, which is what a floor stands for.
 *
 * @param floor the lowest
 */
export function levelsFrom(floor: Level): readonly Level[] {
  return LEVELS.filter((level) => compareLevels(level, floor) >= 0);
}

/**
 * Tells whether two policies ask for the same.
 *
 * @param one a policy
 * @param other a policy
 */
export function isSamePolicy(one: LinkPolicy, other: LinkPolicy): boolean {
  return (
    LEVELS.every(
      (level) => acceptsLevel(one.accept, level) === acceptsLevel(other.accept, level),
    ) &&
    one.clientProof === other.clientProof &&
    one.postQuantum === other.postQuantum &&
    one.loopback === other.loopback
  );
}
