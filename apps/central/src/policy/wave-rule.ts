import type { Level } from "@tautline/protocol";
import type { ChangeAgent } from "./change.ts";
import type { OrderStatus } from "./change-deps.ts";

/** What a change has told one agent; times are of the change's own clock, milliseconds that it has spent. */
export interface Told {
  readonly tries: number;
  readonly atMs: number;
}

/** What decides who is told to climb now. */
export interface WaveFacts {
  /** Those that have not arrived. */
  readonly climbing: readonly Pick<ChangeAgent, "id" | "moveTo" | "isWatched">[];
  readonly statuses: ReadonlyMap<string, OrderStatus>;
  readonly told: ReadonlyMap<string, Told>;
  readonly spentMs: number;
  readonly windowMs: number;
  /** How long a turn of the change takes. */
  readonly turnMs: number;
}

/** Who is told, and what there is to wait for. */
export interface Wave {
  /** To be told now, a first time or again. */
  readonly tell: readonly string[];
  /** Told by an earlier run of central, and still on its way. */
  readonly found: readonly string[];
  /** Watched agents that have neither arrived nor failed for good. */
  readonly moving: number;
  /** Nobody is left who could be told later. */
  readonly isLast: boolean;
}

/** A climb that failed is ordered again so often: in a crowd an agent may be sent away once or twice. */
export const MOST_TRIES = 3;
/** Agents on their way at once, in any fleet. */
export const LEAST_AT_ONCE = 64;
/** An order holds a place for so long: whoever fell silent must not hold up the others. */
const HOLDS_MS = 15_000;
const HOLDS_PART = 1 / 6;
/** Of the window: all are to have been told by then, and a failed climb is tried again after so long. */
const TOLD_PART = 1 / 4;
const AGAIN_PART = 1 / 40;

/**
 * Decides which agents are told to climb at this turn of a change. Pure.
 *
 * All at once would be a crowd of handshakes of central's own making, in which most are turned away: so many go at once as bring all of
 * them up within a quarter of the window. Agents that are not linked make no crowd; they are told when they come.
 *
 * @param facts who has to climb, and what has become of those that were told
 */
export function nextWave(facts: WaveFacts): Wave {
  const { climbing, spentMs, windowMs } = facts;
  const first: string[] = [];
  const again: string[] = [];
  const away: string[] = [];
  const found: string[] = [];
  let [onTheWay, moving, later] = [0, 0, 0];
  for (const { id, moveTo, isWatched } of climbing) {
    if (moveTo === null) continue;
    const told = facts.told.get(id);
    const status = facts.statuses.get(id);
    const stands = standingOf(told, status, moveTo);
    if (isWatched && stands !== "over") moving += 1;
    if (stands === "found") found.push(id);
    else if (stands === "untold") (isWatched ? first : away).push(id);
    else if (stands === "failed") {
      if (spentMs - (told?.atMs ?? 0) >= windowMs * AGAIN_PART) again.push(id);
      else later += 1;
    }
    const isYoung = spentMs - (told?.atMs ?? spentMs) < holdsMs(windowMs);
    if (isWatched && (stands === "found" || (stands === "told" && isYoung))) onTheWay += 1;
  }
  const room = Math.max(0, atOnce(facts) - onTheWay);
  const crowd = [...first, ...again];
  const tell = [...away, ...crowd.slice(0, room)];
  // Whoever is on the way may still fail, and be told again.
  const isLast = crowd.length <= room && later === 0 && moving === 0;
  return { tell, found, moving, isLast };
}

type Standing = "untold" | "found" | "told" | "failed" | "over";

function standingOf(
  told: Told | undefined,
  status: OrderStatus | undefined,
  level: Level,
): Standing {
  const isOurs = status?.level === level;
  const isUnderWay = isOurs && (status.status === "waiting" || status.status === "offered");
  if (told === undefined) return isUnderWay ? "found" : "untold";
  if (!isOurs) return "over";
  if (status.status === "failed") return told.tries < MOST_TRIES ? "failed" : "over";
  return isUnderWay ? "told" : "over";
}

function holdsMs(windowMs: number): number {
  return Math.min(HOLDS_MS, windowMs * HOLDS_PART);
}

function atOnce({ climbing, windowMs, turnMs }: WaveFacts): number {
  const waves = Math.max(1, Math.floor((windowMs * TOLD_PART) / turnMs));
  return Math.max(LEAST_AT_ONCE, Math.ceil(climbing.length / waves));
}
