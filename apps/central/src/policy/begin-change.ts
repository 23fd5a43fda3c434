import { compareLevels, lackOf, type LinkPolicy, TautlineError } from "@tautline/protocol";
import type { ChangeAgent, ChangeOrder, ChangePlace, LackingLink, PolicyChange } from "./change.ts";
import type { ChangeDeps } from "./change-deps.ts";
import { insertChange, type NewChange } from "./change-store.ts";
import { describePolicy } from "./policy-rows.ts";
import type { Plan, PlannedAgent } from "./plan.ts";

/** What an operator asks for. */
export interface ApplyOrder extends ChangeOrder {
  /** Ids of agents that may be cut off. */
  readonly allowCutOff: readonly string[];
  /** Agents of whom nobody knows what becomes of them may be cut off, whoever they are. */
  readonly allowUnknown: boolean;
  /** Begin of the period that the plan looks at, milliseconds since the epoch; undefined: the planner's own. */
  readonly sinceMs?: number | undefined;
}

/** A change that has begun, with its agents. */
export interface BegunChange {
  readonly change: PolicyChange;
  readonly agents: readonly ChangeAgent[];
}

/** A sentence lists no more agents than this; the plan lists them all. */
const AGENTS_NAMED = 5;

/**
 * Begins a change: plans it, refuses where somebody would, or for all that is known could, be cut off without having been allowed to, and records it. Nothing is done yet.
 *
 * @param deps what changes work on
 * @param order what is asked for
 * @throws policy.would_cut_off, policy.agents_unknown, policy.change_running, api.not_found for an unknown namespace, store.*
 */
export async function beginChange(deps: ChangeDeps, order: ApplyOrder): Promise<BegunChange> {
  const places = await placesOf(deps, order);
  const { namespace, kinds, policy } = order;
  const plan = await deps.plan({ namespace, kinds, policy }, order.sinceMs);
  requireNobodyCutOff(plan, order.allowCutOff);
  if (!order.allowUnknown) requireNobodyUnknown(plan, order.allowCutOff);
  const agents = await agentsOf(deps, plan, policy);
  const { sinceMs: _, allowCutOff, allowUnknown, ...kept } = order;
  const atMs = deps.now();
  const begun: NewChange = {
    ...kept,
    places,
    step: "opening",
    reason: "",
    undoneBy: "",
    spentMs: 0,
    startedMs: atMs,
    stepMs: atMs,
    endedMs: null,
    totals: plan.totals,
    heardBefore: deps.listeners.heard(),
    heardAfter: null,
    isSettled: false,
  };
  const change = await deps.store.write(async (trx) => {
    const made = await insertChange(trx, begun, agents);
    await deps.audit.append(trx, {
      action: "policy.change-begun",
      actor: order.actor,
      subject: `change:${made.id}`,
      detail: {
        ...describePolicy(policy),
        namespace: namespace ?? "all",
        kinds: kinds.join(","),
        windowMs: order.windowMs,
        undo: order.mayUndo ? `above ${order.undoIf} %` : "never",
        ...plan.totals,
        ...(allowCutOff.length > 0 && { allowedCutOff: allowCutOff.join(" ") }),
        ...(allowUnknown && { allowedUnknown: plan.totals.unknown }),
      },
    });
    return made;
  });
  return { change, agents };
}

async function placesOf(
  { namespaces, policies }: ChangeDeps,
  { namespace, kinds }: ApplyOrder,
): Promise<ChangePlace[]> {
  const all = await namespaces();
  if (namespace !== undefined && !all.includes(namespace)) {
    const detail = { thing: "namespace", id: namespace, noun: "namespaces" };
    throw new TautlineError("api.not_found", { detail });
  }
  const scope = namespace === undefined ? all : [namespace];
  return scope.flatMap((each) =>
    kinds.map((kind) => ({ namespace: each, kind, before: policies.policyAt(each, kind) })),
  );
}

function requireNobodyCutOff({ agents }: Plan, allowCutOff: readonly string[]): void {
  const allowed = new Set(allowCutOff);
  const cutOff = agents.filter(({ id, verdict }) => verdict === "cut off" && !allowed.has(id));
  if (cutOff.length === 0) return;
  throw new TautlineError("policy.would_cut_off", { detail: { agents: namesOf(cutOff) } });
}

/**
 * Who was not seen may speak what is closed now, and nothing brings it back once it comes. Whom central keeps out anyway is no reason to wait.
 */
function requireNobodyUnknown({ agents }: Plan, allowCutOff: readonly string[]): void {
  const allowed = new Set(allowCutOff);
  const unknown = agents.filter(
    ({ id, verdict, reason }) => verdict === "unknown" && reason !== "kept_out" && !allowed.has(id),
  );
  if (unknown.length === 0) return;
  throw new TautlineError("policy.agents_unknown", { detail: { agents: namesOf(unknown) } });
}

function namesOf(agents: readonly PlannedAgent[]): string {
  const named = agents.slice(0, AGENTS_NAMED).map(({ id, name }) => `${id} (${name})`);
  const others = agents.length > AGENTS_NAMED ? " and others" : "";
  const count = agents.length === 1 ? "1 agent" : `${agents.length} agents`;
  return `${count}: ${named.join(", ")}${others}`;
}

/** Those that are linked now are watched; of the others those are kept to whom something happens. */
async function agentsOf(
  { linked }: ChangeDeps,
  plan: Plan,
  policy: LinkPolicy,
): Promise<ChangeAgent[]> {
  const live = new Map<string, boolean>();
  for await (const page of linked()) {
    for (const link of page) {
      const isMet = lackOf(policy, link) === undefined;
      live.set(link.agentId, isMet || live.get(link.agentId) === true);
    }
  }
  return plan.agents.flatMap((agent) => {
    const isLive = live.has(agent.id);
    if (!isLive && agent.verdict !== "moves" && agent.verdict !== "cut off") return [];
    return [agentOf(agent, isLive, agent.verdict === "stays" && live.get(agent.id) === true)];
  });
}

function agentOf(agent: PlannedAgent, isLive: boolean, hasMet: boolean): ChangeAgent {
  const { id, namespace, verdict, parts } = agent;
  const moveTo = parts.find((part) => part.moveTo !== null)?.moveTo ?? null;
  return {
    id,
    namespace,
    verdict,
    isWatched: isLive && verdict !== "cut off",
    moveTo: verdict === "moves" ? moveTo : null,
    lacking: verdict === "cut off" ? [] : lackingOf(agent),
    hasMet,
    isExcepted: false,
    isLost: false,
    isEnded: false,
    code: "",
    missingMs: 0,
  };
}

/** Of a kind with several components the lowest: one exception has to do for all. */
function lackingOf({ parts }: PlannedAgent): readonly LackingLink[] {
  const lacking = new Map<LackingLink["kind"], LackingLink>();
  for (const { kind, level, verdict } of parts) {
    if (verdict === "stays" || level === null) continue;
    const known = lacking.get(kind);
    if (known === undefined || compareLevels(level, known.level) < 0)
      lacking.set(kind, { kind, level });
  }
  return [...lacking.values()];
}
