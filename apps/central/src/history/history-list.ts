import type { Store } from "../store/store.ts";
import {
  type AgentHistory,
  type HistoryReading,
  readHistories,
  type UsedEvidence,
} from "./history-reading.ts";
import type { EvidenceProfile } from "./evidence-profile.ts";

/** One line of what agents used, as lists show it. */
export interface HistoryView extends Omit<EvidenceProfile, "credential"> {
  readonly agent: string;
  /** A label for people. */
  readonly name: string;
  readonly namespace: string;
  readonly kind: string;
  readonly component: string;
  readonly credential: EvidenceProfile["credential"];
  /** Null for links that were taken. */
  readonly refused: string | null;
  readonly links: number;
  readonly days: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly lastAddress: string;
}

/** Which lines are wanted. */
export interface HistoryFilter {
  readonly agent?: string | undefined;
  readonly kind?: string | undefined;
  readonly level?: string | undefined;
  /** Of every one when it is empty. */
  readonly namespace?: string | undefined;
  readonly sinceMs?: number | undefined;
  /** The agent after which to go on. */
  readonly after?: string | undefined;
  /** The agent with which as many lines are reached is the last. */
  readonly limit: number;
}

/** Agents looked up at once. */
const AGENTS_A_PAGE = 256;

/**
 * Lists what agents used, in the order of their ids, each agent whole.
 *
 * @param reading database, numbers and clock
 * @param filter which lines
 * @returns fewer than the limit only when there are no more
 */
export async function listHistory(
  reading: HistoryReading,
  filter: HistoryFilter,
): Promise<readonly HistoryView[]> {
  const views: HistoryView[] = [];
  let after = filter.after ?? "";
  while (views.length < filter.limit) {
    const agents = await readAgentPage(reading.store, filter, after);
    const ids = agents.map(({ id }) => id);
    const histories = await readHistories(reading, ids, filter.sinceMs ?? 0);
    const byId = new Map(histories.map((history) => [history.agentId, history]));
    for (const agent of agents) {
      if (views.length >= filter.limit) break;
      views.push(...viewsOf(agent, byId.get(agent.id), filter));
    }
    if (agents.length < AGENTS_A_PAGE) break;
    after = ids.at(-1) ?? "";
  }
  return views;
}

interface NamedAgent {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
}

function readAgentPage(
  store: Store,
  { agent, namespace = "" }: HistoryFilter,
  after: string,
): Promise<readonly NamedAgent[]> {
  return store.read((db) => {
    let query = db
      .selectFrom("agents")
      .select(["id", "name", "namespace"])
      .where("id", ">", after)
      .orderBy("id")
      .limit(AGENTS_A_PAGE);
    if (agent !== undefined) query = query.where("id", "=", agent);
    if (namespace !== "") query = query.where("namespace", "=", namespace);
    return query.execute();
  });
}

function viewsOf(
  agent: NamedAgent,
  history: AgentHistory | undefined,
  { kind, level }: HistoryFilter,
): HistoryView[] {
  return (history?.used ?? [])
    .filter((used) => kind === undefined || used.kind === kind)
    .filter(({ profile }) => level === undefined || profile.level === level)
    .map((used) => viewOf(agent, used));
}

function viewOf({ id, name, namespace }: NamedAgent, used: UsedEvidence): HistoryView {
  const { kind, component, profile, code, links, days, firstMs, lastMs, address } = used;
  return {
    agent: id,
    name,
    namespace,
    kind,
    component,
    ...profile,
    refused: code === "" ? null : code,
    links,
    days,
    firstAt: new Date(firstMs).toISOString(),
    lastAt: new Date(lastMs).toISOString(),
    lastAddress: address,
  };
}
