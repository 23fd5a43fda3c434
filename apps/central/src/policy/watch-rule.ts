import type { AgentState } from "../store/schema.ts";
import { permitsOf } from "../fleet/life-rule.ts";
import { isClaimState } from "../fleet/claim-rule.ts";
import type { ChangeAgent, LackingLink, PolicyChange } from "./change.ts";

/** How an agent is linked now: as the new policy asks; otherwise, and by an exception of its own; or not. */
export type Sight = "meets" | "linked" | "none";

/**
 * Goes on with one watched agent. Pure.
 *
 * @param agent as it was
 * @param sight how it is linked now
 * @param elapsedMs running time since it was looked at last
 * @param limitMs how long it may be missing
 */
export function watchAgent(
  agent: ChangeAgent,
  sight: Sight,
  elapsedMs: number,
  limitMs: number,
): ChangeAgent {
  if (sight === "meets") return { ...agent, hasMet: true, isLost: false, missingMs: 0 };
  if (sight === "linked" && agent.isExcepted) return { ...agent, isLost: false, missingMs: 0 };
  const missingMs = agent.missingMs + elapsedMs;
  return { ...agent, missingMs, isLost: agent.isLost || missingMs >= limitMs };
}

/**
 * Which links an agent is let use again that the new policy refuses (DESIGN: undo is per agent). One that has met the policy already does not
 * fall back by itself, so dropping its packets re-opens nothing for it. Pure.
 *
 * @param change whether anybody is let back
 * @param agent which did not move, or is lost
 * @returns empty where no exception helps
 */
export function exceptionsFor(
  { mayUndo }: Pick<PolicyChange, "mayUndo">,
  agent: ChangeAgent,
): readonly LackingLink[] {
  const isEntitled = mayUndo && agent.isWatched && !agent.hasMet && !agent.isEnded;
  return isEntitled && !agent.isExcepted ? agent.lacking : [];
}

/**
 * Tells whether an agent may be let back at all: no exception re-admits what was revoked, declined or put in quarantine.
 *
 * @param state as it is recorded; undefined for an agent that was deleted
 */
export function mayComeBack(state: AgentState | undefined): boolean {
  return state !== undefined && (isClaimState(state) || permitsOf(state).link);
}

/** What is counted of the agents of a change. */
export interface ChangeCounts {
  readonly watched: number;
  readonly moving: number;
  readonly met: number;
  readonly excepted: number;
  readonly lost: number;
  readonly missing: number;
}

/**
 * Counts the agents of a change. Pure.
 *
 * @param agents all of them
 */
export function countAgents(agents: Iterable<ChangeAgent>): ChangeCounts {
  const counts = { watched: 0, moving: 0, met: 0, excepted: 0, lost: 0, missing: 0 };
  for (const agent of agents) {
    if (agent.isExcepted) counts.excepted += 1;
    if (!agent.isWatched || agent.isEnded) continue;
    counts.watched += 1;
    if (agent.hasMet) counts.met += 1;
    else if (agent.moveTo !== null && !agent.isExcepted) counts.moving += 1;
    if (agent.isLost) counts.lost += 1;
    else if (agent.missingMs > 0) counts.missing += 1;
  }
  return counts;
}
