import { setImmediate as nextTurn } from "node:timers/promises";
import { AGENT_ATTRIBUTES, readInstructionKinds, readUpgrade } from "@tautline/protocol";
import { evidenceOfRow } from "../fleet/link-store.ts";
import type { StreamTable } from "../forwards/stream-table.ts";
import type { EvidenceHistory } from "../history/evidence-history.ts";
import { DAY_MS } from "../history/span.ts";
import type { UsedEvidence } from "../history/history-reading.ts";
import type { AgentRow, LinkRow } from "../store/schema.ts";
import type { Store } from "../store/store.ts";
import type { AgentFacts, Plan, PlannedAgent, SeenLinks, Wanted } from "./plan.ts";
import { planAgent, planOf } from "./plan-rule.ts";
import { isPolicyKind } from "./policy-kind.ts";

/** What reading a plan needs. */
export interface PlanReadingDeps {
  readonly store: Store;
  readonly history: Pick<EvidenceHistory, "since" | "recorder">;
  /** Carried streams of forwards, which no table lists. */
  readonly streams: Pick<StreamTable, "all">;
  readonly now: () => number;
}

/** The period that is looked at unless another is asked for: thirty days. */
export const PLAN_PERIOD_MS = 30 * DAY_MS;

/** Agents without history that are read at once. */
const AGENTS_A_PAGE = 2_000;

/**
 * Says what becomes of the fleet under a policy, by what is recorded: one scan through agents, live links and history in the order of ids; the event loop turns
 * between pages. Nothing is changed by it.
 *
 * @param deps database, history, streams and clock
 * @param wanted the policy, and for whom
 * @param period its begin `sinceMs`, milliseconds since the epoch: who was not linked after it is unknown
 * @throws store.*
 */
export async function readPlan(
  deps: PlanReadingDeps,
  wanted: Wanted,
  { sinceMs }: { readonly sinceMs: number },
): Promise<Plan> {
  // What was seen until now decides too.
  await deps.history.recorder.flush("everything");
  const planned: PlannedAgent[] = [];
  const reader = createFactsReader(deps, wanted.namespace);
  const take = (facts: readonly AgentFacts[]): void => {
    for (const each of facts) {
      const one = planAgent(each, wanted);
      if (one !== undefined) planned.push(one);
    }
  };
  for await (const histories of deps.history.since(sinceMs)) {
    const last = histories.at(-1);
    if (last === undefined) continue;
    const used = new Map(histories.map((history) => [history.agentId, history.used]));
    take(await reader.upTo(last.agentId, used));
  }
  for (let isMore = true; isMore; await nextTurn()) {
    const rest = await reader.next(AGENTS_A_PAGE);
    take(rest);
    isMore = rest.length > 0;
  }
  return planOf(planned, wanted, sinceMs);
}

type UsedByAgent = ReadonlyMap<string, readonly UsedEvidence[]>;

/** Goes through the agents in the order of their ids. */
interface FactsReader {
  /** The next ones, up to an id, with what they used. */
  upTo(id: string, used: UsedByAgent): Promise<readonly AgentFacts[]>;
  /** The next ones, of which nothing was seen. */
  next(most: number): Promise<readonly AgentFacts[]>;
}

interface Range {
  readonly after: string;
  readonly upTo?: string;
  readonly most?: number;
}

function createFactsReader(
  { store, streams, now }: PlanReadingDeps,
  namespace: string | undefined,
): FactsReader {
  let after = "";
  const nowMs = now();
  const carried = Map.groupBy(streams.all(), ({ agentId }) => agentId);
  const read = async (range: Omit<Range, "after">, used: UsedByAgent) => {
    const agents = await readAgentRows(store, namespace, { after, ...range });
    const last = range.upTo ?? agents.at(-1)?.id;
    if (last === undefined) return [];
    const links = await readLinkRows(store, { after, upTo: last });
    after = last;
    const byAgent = Map.groupBy(links, (row) => row.agent_id);
    return agents.map((row) => {
      const seen: SeenLinks[] = (used.get(row.id) ?? []).flatMap(seenOf);
      for (const link of byAgent.get(row.id) ?? []) seen.push(...liveOf(link, nowMs));
      for (const stream of carried.get(row.id) ?? []) seen.push(carriedOf(stream, nowMs));
      return factsOf(row, seen);
    });
  };
  return {
    upTo: (upTo, used) => read({ upTo }, used),
    next: (most) => read({ most }, new Map()),
  };
}

type PlanRow = Pick<AgentRow, "id" | "name" | "namespace" | "state" | "version" | "attributes">;

function readAgentRows(
  store: Store,
  namespace: string | undefined,
  { after, upTo, most }: Range,
): Promise<PlanRow[]> {
  return store.read((db) => {
    let query = db
      .selectFrom("agents")
      .select(["id", "name", "namespace", "state", "version", "attributes"])
      .where("id", ">", after)
      .orderBy("id");
    if (namespace !== undefined) query = query.where("namespace", "=", namespace);
    if (upTo !== undefined) query = query.where("id", "<=", upTo);
    if (most !== undefined) query = query.limit(most);
    return query.execute();
  });
}

function readLinkRows(
  store: Store,
  { after, upTo }: { readonly after: string; readonly upTo: string },
): Promise<LinkRow[]> {
  return store.read((db) =>
    db
      .selectFrom("links")
      .selectAll()
      .where("agent_id", ">", after)
      .where("agent_id", "<=", upTo)
      .execute(),
  );
}

function factsOf(row: PlanRow, links: readonly SeenLinks[]): AgentFacts {
  const { id, name, namespace, state, version } = row;
  const said = JSON.parse(row.attributes) as Readonly<Record<string, string>>;
  return {
    id,
    name,
    namespace,
    state,
    version,
    upgrade: readUpgrade(said[AGENT_ATTRIBUTES.upgrade]),
    instructions: readInstructionKinds(said[AGENT_ATTRIBUTES.instructions]),
    links,
  };
}

function seenOf(used: UsedEvidence): SeenLinks[] {
  const { kind, component, profile, code, links, firstMs, lastMs, address } = used;
  if (!isPolicyKind(kind)) return [];
  const { level, pq, clientProven, group } = profile;
  const evidence = { level, pq, clientProven, group };
  return [{ kind, component, ...evidence, code, links, firstMs, lastMs, address, isLive: false }];
}

/** It is counted by the history already. */
const LIVE = { code: "", links: 0, isLive: true } as const;

function liveOf(row: LinkRow, nowMs: number): SeenLinks[] {
  const { kind, component, since, remote_address: address } = row;
  if (!isPolicyKind(kind)) return [];
  const { level, pq, clientProven, group } = evidenceOfRow(row);
  const times = { firstMs: Math.min(since, nowMs), lastMs: nowMs };
  return [{ kind, component, level, pq, clientProven, group, ...times, address, ...LIVE }];
}

function carriedOf(
  {
    evidence,
    sinceMs,
    remoteAddress: address,
  }: ReturnType<PlanReadingDeps["streams"]["all"]>[number],
  nowMs: number,
): SeenLinks {
  const { level, pq, clientProven, group } = evidence;
  const place = { kind: "forward", component: "agent", address } as const;
  const times = { firstMs: Math.min(sinceMs, nowMs), lastMs: nowMs };
  return { ...place, level, pq, clientProven, group, ...times, ...LIVE };
}
