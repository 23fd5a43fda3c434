import { LIMITS } from "@tautline/protocol";

/** What is known of an authority's newest list. */
export interface KnownCrl {
  readonly number: number;
  /** Milliseconds since the epoch, as the list says. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** What was revoked when it was made; a text that changes with it. */
  readonly covers: string;
}

/** How things stand now. */
export interface CrlMoment {
  readonly nowMs: number;
  readonly lifetimeMs: number;
  /** What is revoked now. */
  readonly covers: string;
}

/** The frame of a list that is to be made. */
export interface CrlPlan {
  readonly number: number;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Certificates that ended before need no entry any more. */
  readonly endedBeforeMs: number;
}

/**
 * Decides whether an authority needs another list, and what is in its frame.
 *
 * It does when there is none, when something was revoked since, when half of its life is over, or when it would live longer than
 * the setting now says. Times are whole seconds (RFC 5280 section 4.1.2.5). An entry stays until one list after its certificate's
 * end has named it (RFC 5280 section 3.3).
 *
 * @param known the newest list, if there is one
 * @param now how things stand
 * @returns undefined where the newest one is good
 */
export function planCrl(known: KnownCrl | undefined, now: CrlMoment): CrlPlan | undefined {
  const { nowMs, lifetimeMs, covers } = now;
  if (known !== undefined && known.covers === covers) {
    const leftMs = known.nextUpdate - nowMs;
    if (leftMs > lifetimeMs / 2 && leftMs <= lifetimeMs) return undefined;
  }
  const seconds = Math.floor(nowMs / 1_000);
  return {
    // Seconds, so that a central restored from a backup does not give out numbers that were used before.
    number: Math.max((known?.number ?? 0) + 1, seconds),
    // For hosts whose clocks are behind, as leaves begin earlier.
    thisUpdate: seconds * 1_000 - LIMITS.clockToleranceMs.value,
    nextUpdate: Math.ceil((nowMs + lifetimeMs) / 1_000) * 1_000,
    endedBeforeMs: known?.thisUpdate ?? 0,
  };
}
