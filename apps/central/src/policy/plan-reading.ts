import { setImmediate as nextTurn } from "node:timers/promises";
import {
  AGENT_ATTRIBUTES,
  type Level,
  readInstructionKinds,
  readUpgrade,
} from "@tautline/protocol";
import type { StreamTable } from "../forwards/stream-table.ts";
import type { EvidenceHistory } from "../history/evidence-history.ts";
import { DAY_MS } from "../history/span.ts";
import type { AgentHistory, UsedEvidence } from "../history/history-reading.ts";
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
  const planned: PlannedAgent[] = [];
  for await (const page of readFacts(deps, wanted.namespace, sinceMs)) {
    for (const facts of page) {
      const one = planAgent(facts, wanted);
      if (one !== undefined) planned.push(one);
    }
  }
  return planOf(planned, wanted, sinceMs);
}

/**
 * Gives what is known of the agents, in the order of their ids, a page at a time.
 *
 * @param deps database, history, streams and clock
 * @param namespace undefined: every one
 * @param sinceMs begin of the period, milliseconds since the epoch
 * @throws store.*
 */
export async function* readFacts(
  deps: PlanReadingDeps,
  namespace: string | undefined,
  sinceMs: number,
): AsyncGenerator<readonly AgentFacts[]> {
  // What was seen until now decides too.
  await deps.history.recorder.flush("everything");
  const reader = createFactsReader(deps, namespace);
  for await (const histories of deps.history.since(sinceMs)) {
    const last = histories.at(-1);
    if (last === undefined) continue;
    yield await reader.upTo(last.agentId, histories);
  }
  for (;;) {
    const rest = await reader.next(AGENTS_A_PAGE);
    if (rest.length === 0) return;
    yield rest;
    await nextTurn();
  }
}

/** Goes through the agents in the order of their ids. */
interface FactsReader {
  /** The next ones, up to an id, with what they used; both in the order of ids. */
  upTo(id: string, histories: readonly AgentHistory[]): Promise<readonly AgentFacts[]>;
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
  const read = async (range: Omit<Range, "after">, histories: readonly AgentHistory[]) => {
    const agents = await readAgentRows(store, namespace, { after, ...range });
    const last = range.upTo ?? agents.at(-1)?.id;
    if (last === undefined) return [];
    const links = await readLinkRows(store, { after, upTo: last });
    after = last;
    const usedOf = groupsInOrder(histories, ({ agentId }) => agentId);
    const liveOf = groupsInOrder(links, (row) => row.agent_id);
    return agents.map((row) => {
      const seen: SeenLinks[] = [];
      for (const { used } of usedOf(row.id)) for (const each of used) addSeen(seen, each);
      for (const link of liveOf(row.id)) addLive(seen, link, nowMs);
      for (const stream of carried.get(row.id) ?? []) seen.push(carriedOf(stream, nowMs));
      return factsOf(row, seen);
    });
  };
  return {
    upTo: (upTo, histories) => read({ upTo }, histories),
    next: (most) => read({ most }, []),
  };
}

/** Rows in the order of ids, taken out id by id in that order: what belongs to ids that nobody asks for is passed over. */
function groupsInOrder<One>(
  rows: readonly One[],
  idOf: (row: One) => string,
): (id: string) => readonly One[] {
  let at = 0;
  return (id) => {
    const group: One[] = [];
    for (; at < rows.length; at += 1) {
      const row = rows[at];
      if (row === undefined || idOf(row) > id) break;
      if (idOf(row) === id) group.push(row);
    }
    return group;
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

type LiveRow = Pick<
  LinkRow,
  | "agent_id"
  | "kind"
  | "component"
  | "level"
  | "pq"
  | "client_proven"
  | "key_group"
  | "since"
  | "remote_address"
>;

function readLinkRows(
  store: Store,
  { after, upTo }: { readonly after: string; readonly upTo: string },
): Promise<LiveRow[]> {
  return store.read((db) =>
    db
      .selectFrom("links")
      .select(["agent_id", "kind", "component", "level", "pq", "client_proven", "key_group"])
      .select(["since", "remote_address"])
      .where("agent_id", ">", after)
      .where("agent_id", "<=", upTo)
      .orderBy("agent_id")
      .execute(),
  );
}

function factsOf(row: PlanRow, links: readonly SeenLinks[]): AgentFacts {
  const { id, name, namespace, state, version, attributes } = row;
  return {
    id,
    name,
    namespace,
    state,
    version,
    upgrade: readUpgrade(wordIn(attributes, AGENT_ATTRIBUTES.upgrade)),
    instructions: readInstructionKinds(wordIn(attributes, AGENT_ATTRIBUTES.instructions)),
    links,
  };
}

/**
 * A word out of an agent's attributes as they are stored. They are not read as JSON: of a large fleet that takes as long as all the rest. What an agent could pass off as
 * another attribute by quotes in a name is its own word all the same.
 */
function wordIn(attributes: string, name: string): string | undefined {
  const key = `"${name}":"`;
  const at = attributes.indexOf(key);
  if (at === -1) return undefined;
  const from = at + key.length;
  return attributes.slice(from, attributes.indexOf('"', from));
}

function addSeen(seen: SeenLinks[], used: UsedEvidence): void {
  const { kind, component, profile, code, links, firstMs, lastMs, address } = used;
  if (!isPolicyKind(kind)) return;
  const { level, pq, clientProven, group } = profile;
  seen.push({
    kind,
    component,
    level,
    pq,
    clientProven,
    group,
    code,
    links,
    firstMs,
    lastMs,
    address,
    isLive: false,
  });
}

/** It is counted by the history already. */
const LIVE = { code: "", links: 0, isLive: true } as const;

function addLive(seen: SeenLinks[], row: LiveRow, nowMs: number): void {
  const { kind, component, remote_address: address, key_group: group } = row;
  if (!isPolicyKind(kind)) return;
  seen.push({
    kind,
    component,
    level: row.level as Level,
    pq: row.pq === 1,
    clientProven: row.client_proven === 1,
    group,
    firstMs: Math.min(row.since, nowMs),
    lastMs: nowMs,
    address,
    ...LIVE,
  });
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
