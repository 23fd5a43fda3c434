import type { SourceRange } from "../sources/source-range.ts";

/**
 * A re-opening of plaintext: callers of some source addresses are told, until a deadline, where they can join, and nothing else (DESIGN
 * "Policy"). It is no policy and no exception to one.
 */
export interface Reopening {
  readonly id: number;
  readonly ranges: readonly SourceRange[];
  /** Milliseconds since the epoch, as the others. */
  readonly openedMs: number;
  /** As in the trail, such as `operator:ana`. */
  readonly openedBy: string;
  readonly untilMs: number;
  /** Null while it is open. */
  readonly endedMs: number | null;
  /** As in the trail: `central` at its deadline; empty while it is open. */
  readonly endedBy: string;
}

/** Somebody whom a re-opening told where to join. */
export interface ToldAgent {
  /** What it said to be. */
  readonly agentId: string;
  /** The first time; milliseconds since the epoch. */
  readonly toldMs: number;
  readonly address: string;
}

/** What bounds re-openings; times in milliseconds. */
export const REOPENING_LIMITS = {
  /** Of one: a company has a handful of sites. */
  ranges: 16,
  openAtOnce: 16,
  shortestMs: 1_000,
  /** A day's work; whoever needs the night as well says so again. */
  longestMs: 24 * 3_600_000,
  /** Those that have ended are kept for people; the trail keeps them all. */
  kept: 100,
} as const;
