import type { Store, Writer } from "../store/store.ts";
import { createCatalogue } from "./catalogue.ts";
import type { FoldRule } from "./fold-rule.ts";
import { createHistoryFold, type HistoryFold } from "./history-fold.ts";
import { type HistoryFilter, type HistoryView, listHistory } from "./history-list.ts";
import { type AgentHistory, readHistories, scanHistory } from "./history-reading.ts";
import { createHistoryRecorder, type HistoryRecorder } from "./history-recorder.ts";
import { createSpanStore } from "./span-store.ts";
import { createStrangerStore, type StrangerAttempts } from "./stranger-store.ts";

/** What links negotiated over time: what the planner of policies asks (DESIGN section 5, "Policy"). */
export interface EvidenceHistory {
  readonly recorder: HistoryRecorder;
  readonly fold: HistoryFold;
  /**
   * Goes through the fleet in the order of ids, in one scan: a page of agents at a time, between which the event loop turns. Agents that were not seen in
   * the period are left out: of them the planner knows nothing (`unknown`). What waits to be written is not in it: flush first.
   *
   * @param sinceMs begin of the period, milliseconds since the epoch
   * @throws store.*
   */
  since(sinceMs: number): AsyncIterable<readonly AgentHistory[]>;
  /**
   * The same for some agents.
   *
   * @param agentIds at most a few hundred
   * @param sinceMs begin of the period
   * @returns those that were seen in it, in the order of ids
   */
  of(agentIds: readonly string[], sinceMs: number): Promise<readonly AgentHistory[]>;
  /** The same in lines for people; see `listHistory`. */
  list(filter: HistoryFilter): Promise<readonly HistoryView[]>;
  /** Refused attempts of nobody known in a period, the latest first. */
  strangersSince(sinceMs: number): Promise<readonly StrangerAttempts[]>;
  /** Deletes what is kept of an agent, in the transaction that deletes it. */
  forget(trx: Writer, agentId: string): Promise<void>;
  /** Gives what is kept of one agent to another, in the transaction that replaces or promotes it. */
  carryOver(trx: Writer, oldId: string, newId: string): Promise<void>;
}

/** What the history needs. */
export interface EvidenceHistoryDeps {
  readonly store: Store;
  readonly now: () => number;
  readonly rule: FoldRule;
}

/**
 * Opens the history of links.
 *
 * @param deps database, clock and how the past is folded
 */
export function createEvidenceHistory(deps: EvidenceHistoryDeps): EvidenceHistory {
  const { store, now, rule } = deps;
  const catalogue = createCatalogue(store);
  const reading = { store, catalogue, now };
  const spans = createSpanStore({ store, catalogue, now, rule });
  const strangers = createStrangerStore({ store, now, days: rule.days });
  return {
    recorder: createHistoryRecorder({ spans, strangers, now }),
    fold: createHistoryFold({ spans, strangers, now }),
    since: (sinceMs) => scanHistory(reading, sinceMs),
    of: (agentIds, sinceMs) => readHistories(reading, agentIds, sinceMs),
    list: (filter) => listHistory(reading, filter),
    strangersSince: (sinceMs) => strangers.since(sinceMs),
    forget: (trx, agentId) => spans.forget(trx, agentId),
    carryOver: (trx, oldId, newId) => spans.carryOver(trx, oldId, newId),
  };
}
