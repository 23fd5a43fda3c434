import type { Level, LinkPolicy } from "@tautline/protocol";
import type { Heard } from "./heard-rule.ts";
import type { Verdict } from "./plan.ts";
import type { PolicyKind } from "./policy-kind.ts";

/**
 * The steps of a change of policy, in the order in which it goes through them; each is on the disk before it acts. A change is undone from
 * any of them but the last.
 */
export const CHANGE_STEPS = [
  "opening",
  "moving",
  "closing",
  "watching",
  "done",
  "undoing",
  "undone",
] as const;

/** One of the steps. */
export type ChangeStep = (typeof CHANGE_STEPS)[number];

/** A place that a policy stands for, and what stood there before the change; undefined where nobody had set one. */
export interface ChangePlace {
  readonly namespace: string;
  readonly kind: PolicyKind;
  readonly before: LinkPolicy | undefined;
}

/** What is asked for, for good once a change has begun. */
export interface ChangeOrder {
  /** Undefined: every namespace there is. */
  readonly namespace: string | undefined;
  readonly kinds: readonly PolicyKind[];
  readonly policy: LinkPolicy;
  /** How long agents are watched, milliseconds of central's running time. */
  readonly windowMs: number;
  /** Share of watched agents in percent above which all is undone. */
  readonly undoIf: number;
  /** False: nobody is let back, whatever happens (`--no-undo`). */
  readonly mayUndo: boolean;
  readonly actor: string;
}

/** A change as it is kept. */
export interface PolicyChange extends ChangeOrder {
  readonly id: number;
  readonly places: readonly ChangePlace[];
  readonly step: ChangeStep;
  /** Why it is undone; empty otherwise. */
  readonly reason: string;
  /** Who has it undone: an operator, or `central` itself; empty otherwise. */
  readonly undoneBy: string;
  /** Time spent in this step while central ran, milliseconds. */
  readonly spentMs: number;
  readonly startedMs: number;
  readonly stepMs: number;
  readonly endedMs: number | null;
  /** What the plan said when it began. */
  readonly totals: Readonly<Record<Verdict, number>>;
  /** What was listened to before, known from the first step on; and after closing. */
  readonly heardBefore: Heard | null;
  readonly heardAfter: Heard | null;
  /** Nothing is left to do, not even on the listeners. */
  readonly isSettled: boolean;
}

/** A level that an agent used for a kind of link when the change began, and that the new policy refuses. */
export interface LackingLink {
  readonly kind: PolicyKind;
  readonly level: Level;
}

/** An agent as a change sees it. */
export interface ChangeAgent {
  readonly id: string;
  readonly namespace: string;
  readonly verdict: Verdict;
  /** It was linked when the change began, and nobody allowed to cut it off. */
  readonly isWatched: boolean;
  /** The level it is told to climb to. */
  readonly moveTo: Level | null;
  readonly lacking: readonly LackingLink[];
  /** It was linked in a way that the new policy accepts since the change began. */
  readonly hasMet: boolean;
  /** It may use what it used before. */
  readonly isExcepted: boolean;
  /** It is watched and did not come back. */
  readonly isLost: boolean;
  /** Its right ended meanwhile: no longer anybody's business. */
  readonly isEnded: boolean;
  /** Why it is excepted or lost. */
  readonly code: string;
  /** How long it has been missing, milliseconds of running time; not kept across a restart, which ends every link. */
  readonly missingMs: number;
}

/**
 * Tells whether a change has gone its whole way.
 *
 * @param step where it is
 */
export function isOver(step: ChangeStep): boolean {
  return step === "done" || step === "undone";
}
