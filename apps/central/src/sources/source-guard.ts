import type { Rank } from "../herd/arrival-rule.ts";
import { CLAIM_LIMITS } from "../fleet/claim-rule.ts";
import { createFailureCount, RecentKeys } from "./failure-count.ts";
import { sourceOf } from "./source-address.ts";

/** Knows sources of calls on the agents' port by what came from them: agents, nothing yet, or failed attempts. */
export interface SourceGuard {
  /**
   * Tells whether a caller without an agent's certificate may try now. Agents never ask: a neighbour's failures behind the same
   * address are not theirs.
   *
   * @returns undefined if it may, else how many milliseconds to wait
   */
  waitMs(remoteAddress: string): number | undefined;
  /** Counts an attempt in which nothing was proven. */
  failed(remoteAddress: string): void;
  /** The same for a caller that is to be seen for the first time without an identity: so many within a time, however it came. */
  claimWaitMs(remoteAddress: string): number | undefined;
  /** Counts an agent that is seen for the first time without an identity. */
  claimed(remoteAddress: string): void;
  /** Remembers that an agent proved its certificate from there. */
  proved(remoteAddress: string): void;
  /** Who goes first where not all can: a source with agents behind it, then others, last those that fail too often. */
  rankOf(remoteAddress: string): Rank;
}

/** Limits of failed attempts from one source (IPv6: one /64). */
export interface SourceLimits {
  readonly failedAttempts: number;
  readonly failedAttemptsWindow: number;
}

/** Sources in each of the memories; at some 200 bytes each, 2 MB at most. */
export const MAX_SOURCES = 10_000;

/**
 * Makes the guard with nothing known.
 *
 * @param limits how many failed attempts within how many milliseconds
 * @param now milliseconds since the epoch
 * @param maxRemembered sources in each memory
 */
export function createSourceGuard(
  limits: SourceLimits,
  now: () => number,
  maxRemembered = MAX_SOURCES,
): SourceGuard {
  const { failedAttempts: most, failedAttemptsWindow: windowMs } = limits;
  const failures = createFailureCount({ windowMs, most, maxRemembered }, now);
  const { newOfSource, windowMs: claimsWindowMs } = CLAIM_LIMITS;
  const counted = { windowMs: claimsWindowMs, most: newOfSource, maxRemembered };
  const claims = createFailureCount(counted, now);
  const withAgents = new RecentKeys(maxRemembered);
  return {
    waitMs: (remoteAddress) => failures.waitMs(sourceOf(remoteAddress)),
    failed: (remoteAddress) => failures.count(sourceOf(remoteAddress)),
    claimWaitMs: (remoteAddress) => claims.waitMs(sourceOf(remoteAddress)),
    claimed: (remoteAddress) => claims.count(sourceOf(remoteAddress)),
    proved: (remoteAddress) => withAgents.add(sourceOf(remoteAddress)),
    rankOf: (remoteAddress) => {
      const source = sourceOf(remoteAddress);
      if (withAgents.has(source)) return "known";
      return failures.waitMs(source) === undefined ? "stranger" : "suspect";
    },
  };
}
