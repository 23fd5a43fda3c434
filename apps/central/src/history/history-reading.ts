import { setImmediate as nextTurn } from "node:timers/promises";
import type { LinkKind } from "@tautline/protocol";
import type { HistorySpanTable } from "../store/history-tables.ts";
import type { Store } from "../store/store.ts";
import type { Catalogue } from "./catalogue.ts";
import type { EvidenceProfile } from "./evidence-profile.ts";
import type { Place } from "./place.ts";
import { dayOf } from "./span.ts";
import { agentBytes, agentText } from "./span-table.ts";

/** How an agent's component was linked with central, or tried to be, in one period; times are milliseconds since the epoch. */
export interface UsedEvidence {
  readonly kind: LinkKind;
  readonly component: string;
  /** What the links negotiated. */
  readonly profile: EvidenceProfile;
  /** Why it was refused, such as `admission.agent_revoked`; empty for links that were taken. */
  readonly code: string;
  /** Links opened, or attempts refused, since `firstMs`. */
  readonly links: number;
  /** Days of the period on which it was seen; a lower bound where old gaps were folded away. */
  readonly days: number;
  /** May lie before the period: a run of days is told whole. */
  readonly firstMs: number;
  /** In the period. Of a link that lives at most 15 minutes behind. */
  readonly lastMs: number;
  /** Where the agent was at `lastMs`. */
  readonly address: string;
}

/** What one agent used in a period; never empty. */
export interface AgentHistory {
  readonly agentId: string;
  readonly used: readonly UsedEvidence[];
}

/** What reading the history needs. */
export interface HistoryReading {
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly now: () => number;
}

/** Rows of a page: what holds the event loop for a few milliseconds. */
const PAGE_ROWS = 2_000;

/**
 * Goes through the fleet in the order of ids, a page of agents at a time; the event loop turns between pages.
 *
 * @param reading database, numbers and clock
 * @param sinceMs begin of the period, milliseconds since the epoch
 * @throws store.*
 */
export async function* scanHistory(
  reading: HistoryReading,
  sinceMs: number,
): AsyncGenerator<readonly AgentHistory[]> {
  let after: Uint8Array = new Uint8Array();
  for (;;) {
    const rows = await readPage(reading.store, after, sinceMs);
    const isLast = rows.length < PAGE_ROWS;
    const lastAgent = rows.at(-1)?.agent ?? after;
    // The last agent of a full page may have more rows: it begins the next one.
    const whole = isLast ? rows : rows.filter(({ agent }) => Buffer.compare(agent, lastAgent) < 0);
    yield await historiesOf(reading, whole, sinceMs);
    if (isLast) return;
    after = whole.at(-1)?.agent ?? lastAgent;
    // An agent that fills a page alone is read by itself.
    if (whole.length === 0) yield await readHistories(reading, [agentText(lastAgent)], sinceMs);
    await nextTurn();
  }
}

function readPage(store: Store, after: Uint8Array, sinceMs: number): Promise<HistorySpanTable[]> {
  return store.read((db) =>
    db
      .selectFrom("history_spans")
      .selectAll()
      .where("agent", ">", after)
      .where("last_at", ">=", sinceMs)
      .orderBy("agent")
      .orderBy("kind")
      .orderBy("component")
      .orderBy("profile")
      .orderBy("code")
      .orderBy("first_at")
      .limit(PAGE_ROWS)
      .execute(),
  );
}

/**
 * Reads what some agents used.
 *
 * @param reading database, numbers and clock
 * @param agentIds at most a few hundred
 * @param sinceMs begin of the period, milliseconds since the epoch
 * @returns those that were seen in it, in the order of ids
 * @throws store.*
 */
export async function readHistories(
  reading: HistoryReading,
  agentIds: readonly string[],
  sinceMs: number,
): Promise<readonly AgentHistory[]> {
  if (agentIds.length === 0) return [];
  const rows = await reading.store.read((db) =>
    db
      .selectFrom("history_spans")
      .selectAll()
      .where("agent", "in", agentIds.map(agentBytes))
      .where("last_at", ">=", sinceMs)
      .orderBy("agent")
      .orderBy("kind")
      .orderBy("component")
      .orderBy("profile")
      .orderBy("code")
      .orderBy("first_at")
      .execute(),
  );
  return historiesOf(reading, rows, sinceMs);
}

/** Rows in the order of the table's key become agents in the order of ids; rows of one place become one. */
async function historiesOf(
  { catalogue, now }: HistoryReading,
  rows: readonly HistorySpanTable[],
  sinceMs: number,
): Promise<readonly AgentHistory[]> {
  const places = await catalogue.placesOf(rows);
  const period = { sinceMs, nowMs: now() };
  const histories: { readonly agentId: string; readonly used: UsedEvidence[] }[] = [];
  let before: HistorySpanTable | undefined;
  for (const [at, row] of rows.entries()) {
    const place = places[at];
    if (place === undefined) continue;
    const isSameAgent = before !== undefined && Buffer.compare(before.agent, row.agent) === 0;
    if (!isSameAgent) histories.push({ agentId: agentText(row.agent), used: [] });
    const used = histories.at(-1)?.used ?? [];
    const one = usedEvidence(place, row, period);
    const known = isSameAgent && before !== undefined && isSamePlace(before, row);
    if (known) used.push(joined(used.pop(), one));
    else used.push(one);
    before = row;
  }
  return histories;
}

function isSamePlace(one: HistorySpanTable, other: HistorySpanTable): boolean {
  return (
    one.kind === other.kind &&
    one.component === other.component &&
    one.profile === other.profile &&
    one.code === other.code
  );
}

/** A clock that ran ahead may have written what has not come yet: it is shown as now (F8). */
function usedEvidence(
  place: Place,
  row: HistorySpanTable,
  { sinceMs, nowMs }: { readonly sinceMs: number; readonly nowMs: number },
): UsedEvidence {
  const [firstMs, lastMs] = [Math.min(row.first_at, nowMs), Math.min(row.last_at, nowMs)];
  const inPeriod = dayOf(lastMs) - dayOf(Math.max(firstMs, sinceMs)) + 1;
  const { kind, component, profile, code } = place;
  const { links, address } = row;
  const days = Math.max(0, Math.min(row.days, inPeriod));
  return { kind, component, profile, code, links, days, firstMs, lastMs, address };
}

/** Later rows of a place come later. */
function joined(earlier: UsedEvidence | undefined, later: UsedEvidence): UsedEvidence {
  if (earlier === undefined) return later;
  const { firstMs, links, days } = earlier;
  return { ...later, firstMs, links: links + later.links, days: days + later.days };
}
