import type { ChangeStep, PolicyChange } from "./change.ts";

/** What decides whether a change goes on. */
export interface StepFacts {
  /** Every level of the new policy is listened to. */
  readonly isHeard: boolean;
  /** Watched agents that were told to climb and have neither arrived nor failed. */
  readonly moving: number;
  readonly watched: number;
  /** Of the watched: missing for longer than agents may be. */
  readonly lost: number;
  /** Of the watched: missing, and not for so long yet. */
  readonly missing: number;
}

/** Why a change is undone by itself. */
export type UndoReason = "not_heard" | "agents_lost";

/** Where a change goes. */
export interface StepDecision {
  readonly step: ChangeStep;
  readonly reason?: UndoReason;
}

/** Parts of the window: how long agents have to move before closing, how long one may be missing, and how long opening may fail. */
const MOVING_PART = 1 / 2;
const MISSING_PART = 1 / 3;

/**
 * How long an agent may be missing before it is called lost.
 *
 * @param windowMs the change's window
 * @returns milliseconds
 */
export function missingLimitMs(windowMs: number): number {
  return windowMs * MISSING_PART;
}

/**
 * Decides whether a change goes on to another step: the whole rule of its way. Pure. Every step but the undoing has an end by time, and undoing
 * waits for nothing but the disk: a change always ends.
 *
 * @param change where it is, and for how long
 * @param facts what is seen now
 * @returns the step it is in now, the same where it stays
 */
export function nextStep(
  change: Pick<PolicyChange, "step" | "spentMs" | "windowMs" | "undoIf" | "mayUndo">,
  facts: StepFacts,
): StepDecision {
  const { step, spentMs, windowMs } = change;
  if (step === "opening") {
    if (facts.isHeard) return { step: "moving" };
    // Nothing has changed for any agent yet.
    return spentMs < missingLimitMs(windowMs) ? { step } : undone("not_heard");
  }
  if (step === "moving") {
    const isTime = facts.moving === 0 || spentMs >= windowMs * MOVING_PART;
    return { step: isTime ? "closing" : step };
  }
  if (step === "closing") return { step: "watching" };
  if (step === "watching") {
    if (isTooMany(change, facts)) return undone("agents_lost");
    return { step: isWatchOver(change, facts) ? "done" : step };
  }
  return { step: step === "undoing" ? "undone" : step };
}

function undone(reason: UndoReason): StepDecision {
  return { step: "undoing", reason };
}

/** Above the share, not at it: with 5 % one of twenty may be lost. */
function isTooMany(
  { undoIf, mayUndo }: Pick<PolicyChange, "undoIf" | "mayUndo">,
  { lost, watched }: StepFacts,
): boolean {
  return mayUndo && lost > 0 && lost * 100 > undoIf * watched;
}

/** Who went missing shortly before the end has its time too, and no longer. */
function isWatchOver(
  { spentMs, windowMs }: Pick<PolicyChange, "spentMs" | "windowMs">,
  { missing }: StepFacts,
): boolean {
  if (spentMs < windowMs) return false;
  return missing === 0 || spentMs >= windowMs + missingLimitMs(windowMs);
}
