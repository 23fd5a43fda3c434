import type { AgentState } from "../store/schema.ts";

/**
 * How an agent stands to the level it was last ordered to climb to: nobody ordered any, it was not offered yet, it was sent the
 * instruction, it has climbed, or it could not and stays where it is.
 */
export type MoveStatus = "unset" | "waiting" | "offered" | "applied" | "failed";

/** An offer without any word of it by then may have been lost: by a kill, or with the link it went over. */
export const OFFER_LOST_AFTER_MS = 60_000;

/** What is known when a level might be offered; times in milliseconds since the epoch. */
export interface MoveOfferState {
  readonly status: MoveStatus;
  /** Of the status. */
  readonly atMs: number;
  readonly nowMs: number;
}

/**
 * Decides whether to offer an agent now the level it was ordered to. What failed is not offered again by itself: whoever ordered it has
 * to know of it, and to order it anew. Pure.
 *
 * @param state what is known
 */
export function shouldOfferMove({ status, atMs, nowMs }: MoveOfferState): boolean {
  if (status === "waiting") return true;
  if (status !== "offered") return false;
  const ageMs = nowMs - atMs;
  // A clock that was set back must not silence central for as long as it was set back.
  return ageMs < 0 || ageMs >= OFFER_LOST_AFTER_MS;
}

/** The states of agents that can be ordered to climb: those that have an identity, and may come with it again. */
export const MOVABLE: readonly AgentState[] = ["joining", "active", "quarantined"];
