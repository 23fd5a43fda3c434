import { planPart } from "./part-rule.ts";
import {
  type AgentFacts,
  PLAN_REASONS,
  type Plan,
  type PlannedAgent,
  type PlannedPart,
  type PlanReason,
  type SeenLinks,
  type Verdict,
  VERDICTS,
  type Wanted,
} from "./plan.ts";
import { remedyOf } from "./plan-remedy.ts";

/** Agents whose right has ended: no policy cuts them off, and none lets them back. */
const OVER: ReadonlySet<string> = new Set(["revoked", "declined"]);

/**
 * Says agent by agent what becomes of a fleet under a policy (DESIGN "Policy", QMP-1). Pure.
 *
 * @param agents what is known of each; those whose right has ended, or of another namespace, are not counted
 * @param wanted the policy, and for whom
 * @param sinceMs begin of the period from which the facts are, milliseconds since the epoch
 */
export function planAgents(agents: Iterable<AgentFacts>, wanted: Wanted, sinceMs: number): Plan {
  const planned: PlannedAgent[] = [];
  for (const agent of agents) {
    const one = planAgent(agent, wanted);
    if (one !== undefined) planned.push(one);
  }
  return planOf(planned, wanted, sinceMs);
}

/**
 * Makes a plan of what was decided of each agent.
 *
 * @param agents in the order in which they are to be shown
 * @param wanted what was asked
 * @param sinceMs begin of the period, milliseconds since the epoch
 */
export function planOf(agents: readonly PlannedAgent[], wanted: Wanted, sinceMs: number): Plan {
  const totals: Record<Verdict, number> = { stays: 0, moves: 0, unknown: 0, "cut off": 0 };
  for (const { verdict } of agents) totals[verdict] += 1;
  return { agents, totals, wanted: wanted.policy, sinceMs };
}

/**
 * Says what becomes of one agent.
 *
 * @param agent what is known of it
 * @param wanted the policy, and for whom
 * @returns undefined for one that is not counted
 */
export function planAgent(agent: AgentFacts, wanted: Wanted): PlannedAgent | undefined {
  if (OVER.has(agent.state)) return undefined;
  if (wanted.namespace !== undefined && wanted.namespace !== agent.namespace) return undefined;
  const { id, name, namespace, state, upgrade } = agent;
  const parts = partsOf(agent, wanted).map((links) => planPart(agent, links, wanted.policy));
  const isKeptOut = state === "pending" || state === "quarantined";
  const unseen: PlanReason = isKeptOut ? "kept_out" : "not_seen";
  const reason = worstOf(parts)?.reason ?? unseen;
  const remedy = remedyOf(reason, agent, wanted.policy);
  return {
    id,
    name,
    namespace,
    state,
    verdict: PLAN_REASONS[reason],
    reason,
    remedy,
    upgrade,
    parts,
  };
}

/** Its links by kind and component. */
function partsOf({ links }: AgentFacts, { kinds }: Wanted): readonly (readonly SeenLinks[])[] {
  const parts: SeenLinks[][] = [];
  for (const each of links) {
    if (!kinds.includes(each.kind)) continue;
    const part = parts.find(
      ([first]) => first?.kind === each.kind && first.component === each.component,
    );
    if (part === undefined) parts.push([each]);
    else part.push(each);
  }
  return parts;
}

function worstOf(parts: readonly PlannedPart[]): PlannedPart | undefined {
  let worst: PlannedPart | undefined;
  for (const part of parts) {
    const rank = VERDICTS.indexOf(part.verdict);
    if (worst === undefined || rank > VERDICTS.indexOf(worst.verdict)) worst = part;
  }
  return worst;
}
