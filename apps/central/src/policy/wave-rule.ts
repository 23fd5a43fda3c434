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
  /** Nobody is told now, and of nobody who was told is there news to wait for: those that are silent have their orders. */
  readonly isOver: boolean;
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
  const all = facts.climbing.flatMap(({ id, moveTo, isWatched }) =>
    moveTo === null ? [] : [{ id, isWatched, stands: standingOf(facts, id, moveTo) }],
  );
  const linked = all.filter(({ isWatched }) => isWatched);
  const away = idsAt(
    all.filter(({ isWatched }) => !isWatched),
    "untold",
  );
  const crowd = [...idsAt(linked, "untold"), ...idsAt(all, "failed")];
  const onTheWay = idsAt(linked, "found").length + idsAt(linked, "told").length;
  const moving = linked.filter(({ stands }) => stands !== "over").length;
  const room = Math.max(0, atOnce(facts) - onTheWay);
  const tell = [...away, ...crowd.slice(0, room)];
  // Whoever is on the way may still fail, and be told again.
  const isLast = crowd.length <= room && moving === 0 && idsAt(all, "failed just now").length === 0;
  const isOver = all.every(({ stands }) => stands === "over" || stands === "silent");
  return { tell, found: idsAt(all, "found"), moving, isLast, isOver };
}

type Standing = "untold" | "found" | "told" | "silent" | "failed" | "failed just now" | "over";

function idsAt(
  all: readonly { readonly id: string; readonly stands: Standing }[],
  standing: Standing,
): string[] {
  return all.filter(({ stands }) => stands === standing).map(({ id }) => id);
}

function standingOf(facts: WaveFacts, id: string, level: Level): Standing {
  const { spentMs, windowMs } = facts;
  const told = facts.told.get(id);
  const status = facts.statuses.get(id);
  const isOurs = status?.level === level;
  const isUnderWay = isOurs && (status.status === "waiting" || status.status === "offered");
  if (told === undefined) return isUnderWay ? "found" : "untold";
  const agoMs = spentMs - told.atMs;
  if (isUnderWay) return agoMs < holdsMs(windowMs) ? "told" : "silent";
  if (!isOurs || status.status !== "failed" || told.tries >= MOST_TRIES) return "over";
  return agoMs >= windowMs * AGAIN_PART ? "failed" : "failed just now";
}

function holdsMs(windowMs: number): number {
  return Math.min(HOLDS_MS, windowMs * HOLDS_PART);
}

function atOnce({ climbing, windowMs, turnMs }: WaveFacts): number {
  const waves = Math.max(1, Math.floor((windowMs * TOLD_PART) / turnMs));
  return Math.max(LEAST_AT_ONCE, Math.ceil(climbing.length / waves));
}
