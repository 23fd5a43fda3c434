import { TautlineError } from "@tautline/protocol";
import type { AgentState } from "../store/schema.ts";

/** The states that people see (DESIGN section 2), and `joining`: approved, but not one message was answered yet. */
export const SHOWN_STATES = [
  "unproven",
  "keyed",
  "pending",
  "joining",
  "active",
  "silent",
  "expired",
  "quarantined",
  "declined",
  "revoked",
] as const;
/** One of them. */
export type ShownState = (typeof SHOWN_STATES)[number];

/** What a state lets an agent do. Settings, instructions and secrets ride on the control link: who has none gets none of them. */
export interface Permits {
  /** Have a control link. */
  readonly link: boolean;
  /** Be given its next identity. */
  readonly renew: boolean;
}

const NOTHING: Permits = { link: false, renew: false };
const ALL: Permits = { link: true, renew: true };

const PERMITS: Readonly<Record<ShownState, Permits>> = {
  // Neither has a certificate; who comes as one has a session of its own (control/claim-session.ts).
  unproven: NOTHING,
  keyed: NOTHING,
  pending: NOTHING,
  joining: ALL,
  active: ALL,
  silent: ALL,
  expired: { link: false, renew: true },
  quarantined: NOTHING,
  declined: NOTHING,
  revoked: NOTHING,
};

/**
 * What an agent may do in a state.
 *
 * @param state shown or recorded
 */
export function permitsOf(state: ShownState): Permits {
  return PERMITS[state];
}

/** Missed heartbeats after which an agent counts as silent; one that missed fewer may have been unlucky. */
export const MISSED_HEARTBEATS = 3;
/** No agent is called silent earlier, however often it is to speak. */
export const SHORTEST_SILENCE_MS = 120_000;

/** What the state that people see hangs on; times are milliseconds since the epoch. */
export interface LifeFacts {
  readonly state: AgentState;
  /** A renewal of it waits for an operator. */
  readonly awaitsApproval: boolean;
  /** When the newest certificate of it ends that is not revoked; null where it has none. */
  readonly certificateEndsMs: number | null;
  /** When it was last heard, or joined if never. */
  readonly lastHeardMs: number;
  readonly heartbeatMs: number;
}

/**
 * The state that people see: what is recorded, and where that is `joining` or `active`, what time has made of it. Pure.
 *
 * @param facts the record
 * @param nowMs milliseconds since the epoch
 */
export function stateShown(facts: LifeFacts, nowMs: number): ShownState {
  const { state, awaitsApproval, certificateEndsMs, lastHeardMs, heartbeatMs } = facts;
  if (state !== "joining" && state !== "active") return state;
  if (awaitsApproval) return "pending";
  if (certificateEndsMs !== null && certificateEndsMs <= nowMs) return "expired";
  if (state === "joining") return state;
  const mayBeSilentMs = Math.max(SHORTEST_SILENCE_MS, MISSED_HEARTBEATS * heartbeatMs);
  return nowMs - lastHeardMs > mayBeSilentMs ? "silent" : "active";
}

/**
 * What an agent is told whose recorded state lets it have no link and no identity.
 *
 * @param state as it is recorded
 * @param id the agent
 * @returns undefined if the state lets it; for `pending`, `unproven` and `keyed` only that it is unknown, as it has no certificate by which it could come
 */
export function refusalOf(state: AgentState, id: string): TautlineError | undefined {
  if (permitsOf(state).link) return undefined;
  return new TautlineError(REFUSALS[state] ?? "admission.agent_unknown", { detail: { id } });
}

const REFUSALS: Readonly<
  Partial<
    Record<
      AgentState,
      "admission.agent_quarantined" | "enrolment.declined" | "admission.agent_revoked"
    >
  >
> = {
  quarantined: "admission.agent_quarantined",
  declined: "enrolment.declined",
  revoked: "admission.agent_revoked",
};

const SHORTEST_WAIT_S = 1;
const LONGEST_WAIT_S = 300;

/**
 * How long a candidate is to wait before it asks again: a tenth of the time it has waited, so that an approval is noticed soon by
 * whoever stands before the host, and a host forgotten in the queue costs one handshake in five minutes.
 *
 * @param sinceMs when it first asked, milliseconds since the epoch
 * @param nowMs the same
 * @returns whole seconds, from 1 to 300
 */
export function askAgainAfter(sinceMs: number, nowMs: number): number {
  const tenth = Math.round((nowMs - sinceMs) / 10_000);
  return Math.min(LONGEST_WAIT_S, Math.max(SHORTEST_WAIT_S, tenth));
}
