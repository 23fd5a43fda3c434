import {
  acceptsLevel,
  compareLevels,
  type Level,
  lackOf,
  type LinkPolicy,
  type PolicyLack,
} from "@tautline/protocol";
import { isClaimState } from "../fleet/claim-rule.ts";
import { permitsOf } from "../fleet/life-rule.ts";
import { isLoopback } from "../listeners/loopback-rule.ts";
import {
  type AgentFacts,
  PLAN_REASONS,
  type PlannedPart,
  type PlanReason,
  type SeenLinks,
} from "./plan.ts";

/** The kind of instruction by which an agent climbs. */
const CLIMB = "level";

/** Refusals that say what a link lacked; others say nothing about levels, as that of a revoked agent. */
const LEVEL_REFUSALS = /^(?:policy\.|admission\.level_not_accepted$)/;

/** Levels at which both ends need a key that they share. */
const KEYED: readonly Level[] = ["advanced", "basic"];

interface Judged {
  readonly links: SeenLinks;
  readonly lack: PolicyLack | undefined;
}

/**
 * Decides what becomes of one component's links of one kind under a policy. Pure. A part is never said to stay where a link was seen
 * that the policy refuses after the first one that it accepts: times in the history are those of the first and the last sighting, and what
 * lies between the two is not known.
 *
 * @param agent whose part it is
 * @param links the part's, at least one, all of one kind and component
 * @param policy the wanted one
 */
export function planPart(
  agent: AgentFacts,
  links: readonly SeenLinks[],
  policy: LinkPolicy,
): PlannedPart {
  const taken: Judged[] = [];
  const bad: Judged[] = [];
  for (const each of links) {
    const judged = { links: each, lack: lackIn(policy, each) };
    if (each.code === "") taken.push(judged);
    if (judged.lack !== undefined && isAboutLevel(each)) bad.push(judged);
  }
  const { reason, moveTo = null } = decide({ agent, policy, taken, bad, all: agent.links });
  const { kind, component } = links[0] ?? NONE;
  return {
    kind,
    component,
    verdict: PLAN_REASONS[reason],
    reason,
    ...latestView(taken),
    isLive: taken.some((each) => each.links.isLive),
    wouldRefuse: bad.reduce((sum, each) => sum + each.links.links, 0),
    moveTo,
  };
}

const NONE = { kind: "control", component: "" } as const;

function latestView(
  taken: readonly Judged[],
): Pick<PlannedPart, "level" | "group" | "lastMs" | "address"> {
  const latest = latestOf(taken);
  if (latest === undefined) return { level: null, group: null, lastMs: null, address: "" };
  const { level, group, lastMs, address } = latest.links;
  return { level, group, lastMs, address };
}

function lackIn(policy: LinkPolicy, links: SeenLinks): PolicyLack | undefined {
  return lackOf(policy, { ...links, isLoopback: isLoopback(links.address) });
}

function isAboutLevel({ code }: SeenLinks): boolean {
  return code === "" || LEVEL_REFUSALS.test(code);
}

/** Of two that were seen last at once, the one that lacks something: it is never taken for gone. */
function latestOf(judged: readonly Judged[]): Judged | undefined {
  let latest: Judged | undefined;
  for (const each of judged) {
    const isLater = latest === undefined || each.links.lastMs > latest.links.lastMs;
    const isAsLate = each.links.lastMs === latest?.links.lastMs && each.lack !== undefined;
    if (isLater || isAsLate) latest = each;
  }
  return latest;
}

interface Deciding {
  readonly agent: AgentFacts;
  readonly policy: LinkPolicy;
  /** Links of the part that were taken. */
  readonly taken: readonly Judged[];
  /** What of the part the policy would refuse, or has refused. */
  readonly bad: readonly Judged[];
  /** Of every part of the agent. */
  readonly all: readonly SeenLinks[];
}

interface Decision {
  readonly reason: PlanReason;
  readonly moveTo?: Level;
}

function decide(deciding: Deciding): Decision {
  const { policy, taken, bad } = deciding;
  if (taken.length === 0) return { reason: "only_refused" };
  const good = taken.filter(({ lack }) => lack === undefined);
  const firstGoodMs = Math.min(...good.map(({ links }) => links.firstMs));
  const lastBadMs = Math.max(...bad.map(({ links }) => links.lastMs));
  const isGood = good.length > 0 && (bad.length === 0 || lastBadMs < firstGoodMs);
  if (!isGood) return decideLacking(deciding);
  const isByLoopback = good.some(({ links }) => !acceptsLevel(policy.accept, links.level));
  if (isByLoopback) return { reason: "loopback_kept" };
  return { reason: bad.length === 0 ? "meets_policy" : "moved_before" };
}

function decideLacking(deciding: Deciding): Decision {
  const { agent, taken, bad } = deciding;
  const isMixed = latestOf(taken)?.lack === undefined;
  if (isClaimState(agent.state)) return { reason: isMixed ? "mixed_no_identity" : "no_identity" };
  if (!permitsOf(agent.state).link) return { reason: "kept_out" };
  const lacks = new Set(bad.map(({ lack }) => lack));
  return isOnlyPostQuantum(lacks) ? decidePostQuantum(deciding) : decideClimb(deciding, isMixed);
}

function isOnlyPostQuantum(lacks: ReadonlySet<PolicyLack | undefined>): boolean {
  return lacks.size === 1 && lacks.has("post-quantum");
}

/** No instruction changes which groups two ends agree on: only what was seen is believed. */
function decidePostQuantum({ all }: Deciding): Decision {
  return { reason: hasPostQuantum(all) ? "post_quantum_seen" : "no_post_quantum" };
}

function hasPostQuantum(links: readonly SeenLinks[]): boolean {
  return links.some(({ pq, code }) => pq && code === "");
}

function decideClimb({ agent, policy, all, bad }: Deciding, isMixed: boolean): Decision {
  const target = targetOf(policy, all, bad);
  if (!("level" in target)) return target;
  if (agent.instructions === undefined) return { reason: "version_too_old" };
  if (!agent.instructions.includes(CLIMB)) return { reason: "instruction_not_allowed" };
  if (policy.postQuantum === "require" && !hasPostQuantum(all)) {
    return { reason: "no_post_quantum" };
  }
  return { reason: isMixed ? "mixed" : "climbs", moveTo: target.level };
}

/** Where an instruction could take it: up, and never below what it has used already. */
function targetOf(
  { accept }: LinkPolicy,
  all: readonly SeenLinks[],
  bad: readonly Judged[],
): { readonly level: Level } | Decision {
  if (acceptsLevel(accept, "mtls")) return { level: "mtls" };
  const used = all.filter(({ code }) => code === "").map(({ level }) => level);
  const level = KEYED.find(
    (each) =>
      acceptsLevel(accept, each) &&
      used.every((seen) => compareLevels(each, seen) >= 0) &&
      bad.every(({ links }) => compareLevels(each, links.level) > 0),
  );
  if (level === undefined) return { reason: "no_higher_level" };
  return used.some((seen) => KEYED.includes(seen)) ? { level } : { reason: "no_key" };
}
