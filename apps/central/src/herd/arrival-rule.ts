/** Who goes first where not all can at once, best first. */
export const RANKS = ["known", "stranger", "suspect"] as const;
/** One of them. */
export type Rank = (typeof RANKS)[number];

/** What a room is like when a caller arrives. */
export interface ArrivalState {
  readonly rank: Rank;
  readonly underWay: number;
  readonly atOnce: number;
  readonly waiting: number;
  readonly mostWaiting: number;
  /** The lowest rank among those who wait; undefined when nobody does. */
  readonly lowestWaiting: Rank | undefined;
}

/** Begin now, wait, take the place of the newest of the lowest rank who waits, or come back later. */
export type ArrivalDecision = "begin" | "wait" | "displace" | "refuse";

/**
 * Decides what becomes of a caller: bounded work, a bounded waiting room, and beyond it a cheap refusal.
 *
 * @param state the room and the caller
 */
export function judgeArrival(state: ArrivalState): ArrivalDecision {
  const { rank, underWay, atOnce, waiting, mostWaiting, lowestWaiting } = state;
  // Who waits goes before who comes.
  if (underWay < atOnce && waiting === 0) return "begin";
  if (waiting < mostWaiting) return "wait";
  if (lowestWaiting === undefined) return "refuse";
  return RANKS.indexOf(rank) < RANKS.indexOf(lowestWaiting) ? "displace" : "refuse";
}
