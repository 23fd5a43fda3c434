import { TautlineError } from "./error.ts";
import type { ForwardFrame } from "./forward-frame.ts";

/** The end of a link that opens its streams, and the end that accepts or refuses them. */
export type ForwardRole = "opener" | "accepter";

/**
 * What a link is doing: no stream; one that waits for its answer; one whose both directions are open, or in which the opener or
 * the accepter has sent its end; or nothing any more.
 */
export type ForwardState = "idle" | "opening" | "open" | "openerEnded" | "accepterEnded" | "ended";

type Steps = Readonly<
  Record<
    Exclude<ForwardState, "ended">,
    Readonly<Record<ForwardRole, Partial<Record<ForwardFrame, ForwardState>>>>
  >
>;

/** What each end may send, and what is then; the rest is an error. */
const STEPS: Steps = {
  idle: {
    opener: { open: "opening", reset: "ended", close: "ended" },
    // A reset may cross the end that made its stream whole for the other side.
    accepter: { reset: "ended", close: "ended" },
  },
  opening: {
    opener: { reset: "ended" },
    // A close may cross the open that it forbids.
    accepter: { opened: "open", refused: "idle", reset: "ended", close: "ended" },
  },
  open: {
    opener: { data: "open", end: "openerEnded", reset: "ended" },
    accepter: { data: "open", end: "accepterEnded", reset: "ended" },
  },
  openerEnded: {
    opener: { reset: "ended" },
    accepter: { data: "openerEnded", end: "idle", reset: "ended" },
  },
  accepterEnded: {
    opener: { data: "accepterEnded", end: "idle", reset: "ended" },
    accepter: { reset: "ended" },
  },
};

/**
 * Judges one frame of a link, sent or received: both ends walk through the same states by the same rule.
 *
 * @param state what the link was doing
 * @param by who sent the frame
 * @param frame which
 * @returns what the link is doing now; once ended it stays so, and what still comes means nothing
 * @throws forward.malformed where the frame is out of order
 */
export function nextForwardState(
  state: ForwardState,
  by: ForwardRole,
  frame: ForwardFrame,
): ForwardState {
  // That an end is there may be said at any time, and changes nothing.
  if (state === "ended" || frame === "alive") return state;
  const next = STEPS[state][by][frame];
  if (next !== undefined) return next;
  const reason = `the ${by} sent '${frame}' while the link was '${state}'`;
  throw new TautlineError("forward.malformed", { detail: { reason } });
}
