import type { Store, Writer } from "../store/store.ts";
import type { Catalogue, PlaceKey } from "./catalogue.ts";
import { type FoldRule, foldSpans } from "./fold-rule.ts";
import { HISTORY_LIMITS } from "./history-limits.ts";
import { coarsePlace, type Place } from "./place.ts";
import { addToSpans, boundToNow, dayOf, type Span } from "./span.ts";
import {
  addRow,
  type AgentSpans,
  AGENTS_AT_ONCE,
  agentBytes,
  agentText,
  keyText,
  readAgents,
  writeAgent,
} from "./span-table.ts";

/** Something seen of an agent: one link's or one refusal's, or several of the same place and day together. */
export interface Sighting {
  readonly agentId: string;
  readonly place: Place;
  readonly span: Span;
}

/** What the rows of the history need. */
export interface SpanStoreDeps {
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly now: () => number;
  readonly rule: FoldRule;
}

/** The rows of the history. */
export interface SpanStore {
  /**
   * Adds sightings in one transaction. Agents that are not registered (any more) are passed over.
   *
   * @param sightings of at most `AGENTS_AT_ONCE` agents
   */
  add(sightings: readonly Sighting[]): Promise<void>;
  /**
   * Folds a slice of the fleet.
   *
   * @param after the agent after which to begin; empty for the first
   * @returns the last agent looked at, undefined at the end of the fleet
   */
  foldAfter(after: string): Promise<string | undefined>;
  /** Deletes what is kept of an agent, in the transaction that deletes it. */
  forget(trx: Writer, agentId: string): Promise<void>;
  /** Gives what is kept of one agent to another, in the transaction that replaces it. Sums and first and last times add up. */
  carryOver(trx: Writer, oldId: string, newId: string): Promise<void>;
}

/** Rows that one slice of folding reads. */
const FOLDED_ROWS = 500;

/**
 * Opens the rows of the history.
 *
 * @param deps database, numbers, clock and how the past is folded
 */
export function createSpanStore(deps: SpanStoreDeps): SpanStore {
  const { store, catalogue, now, rule } = deps;
  return {
    add: async (sightings) => {
      const [first] = sightings;
      if (first === undefined) return;
      const places = sightings.map(({ place }) => place);
      await catalogue.learn([...places, ...places.map(coarsePlace)]);
      await store.write((trx) => addSightings(deps, trx, sightings));
    },
    foldAfter: async (after) => {
      const { agents, last } = await readSlice(store, after);
      const today = dayOf(now());
      const due = [...agents].filter(([, spans]) => isFoldable(spans, today, rule));
      if (due.length > 0) {
        const ids = due.map(([id]) => id);
        await store.write((trx) => foldAgents(trx, ids, (spans) => foldSpans(spans, today, rule)));
      }
      return last;
    },
    forget: async (trx, agentId) => {
      await trx.deleteFrom("history_spans").where("agent", "=", agentBytes(agentId)).execute();
    },
    carryOver: (trx, oldId, newId) => carryOver(trx, oldId, newId),
  };
}

async function addSightings(
  { catalogue, now, rule }: SpanStoreDeps,
  trx: Writer,
  sightings: readonly Sighting[],
): Promise<void> {
  const wanted = [...new Set(sightings.map(({ agentId }) => agentId))];
  const registered = await registeredOf(trx, wanted);
  if (registered.length === 0) return;
  const nowMs = now();
  const before = await readAgents(trx, registered);
  const after = new Map([...before].map(([id, places]) => [id, new Map(places)]));
  for (const { agentId, place, span } of sightings) {
    const places = after.get(agentId);
    if (places === undefined) continue;
    const key = placedKey(catalogue, places, place);
    const known = boundToNow(places.get(keyText(key))?.spans ?? [], nowMs);
    const [seen = span] = boundToNow([span], nowMs);
    const spans = foldSpans(addToSpans(known, seen), dayOf(nowMs), rule);
    places.set(keyText(key), { key, spans });
  }
  for (const [id, was] of before) {
    await writeAgent(trx, id, { before: was, after: after.get(id) ?? was });
  }
}

/** A new place of an agent that has shown too many goes on as a coarse one. */
function placedKey(catalogue: Catalogue, places: AgentSpans, place: Place): PlaceKey {
  const key = catalogue.keyOf(place);
  if (places.has(keyText(key)) || places.size < HISTORY_LIMITS.keysPerAgent) return key;
  return catalogue.keyOf(coarsePlace(place));
}

async function registeredOf(trx: Writer, ids: readonly string[]): Promise<string[]> {
  const filled = Array.from({ length: AGENTS_AT_ONCE }, (_, at) => ids[at] ?? ids[0] ?? "");
  const rows = await trx.selectFrom("agents").select("id").where("id", "in", filled).execute();
  return rows.map(({ id }) => id);
}

interface Slice {
  readonly agents: Map<string, AgentSpans>;
  /** The last agent that was read whole; undefined when there is none behind. */
  readonly last: string | undefined;
}

async function readSlice(store: Store, after: string): Promise<Slice> {
  const rows = await store.read((db) =>
    db
      .selectFrom("history_spans")
      .selectAll()
      .where("agent", ">", agentBytes(after))
      .orderBy("agent")
      .orderBy("kind")
      .orderBy("component")
      .orderBy("profile")
      .orderBy("code")
      .orderBy("first_at")
      .limit(FOLDED_ROWS)
      .execute(),
  );
  const agents = new Map<string, AgentSpans>();
  for (const row of rows) {
    const id = agentText(row.agent);
    const agent = agents.get(id) ?? new Map<string, never>();
    addRow(agent, row);
    agents.set(id, agent);
  }
  if (rows.length < FOLDED_ROWS) return { agents, last: undefined };
  // The last one may have more rows than were read: it begins the next slice, unless it is all there is in this one.
  const last = [...agents.keys()].at(-1) ?? "";
  if (agents.size > 1) agents.delete(last);
  return { agents, last: [...agents.keys()].at(-1) };
}

function isFoldable(places: AgentSpans, today: number, rule: FoldRule): boolean {
  return [...places.values()].some(
    ({ spans }) => spans.length > 1 && foldSpans(spans, today, rule).length < spans.length,
  );
}

async function foldAgents(
  trx: Writer,
  ids: readonly string[],
  fold: (spans: readonly Span[]) => readonly Span[],
): Promise<void> {
  for (let at = 0; at < ids.length; at += AGENTS_AT_ONCE) {
    // Read again: what was read outside the transaction may have changed.
    for (const [id, before] of await readAgents(trx, ids.slice(at, at + AGENTS_AT_ONCE))) {
      const after: AgentSpans = new Map();
      for (const [text, { key, spans }] of before) after.set(text, { key, spans: fold(spans) });
      await writeAgent(trx, id, { before, after });
    }
  }
}

async function carryOver(trx: Writer, oldId: string, newId: string): Promise<void> {
  if (oldId === newId) return;
  const agents = await readAgents(trx, [oldId, newId]);
  const [old, before] = [agents.get(oldId), agents.get(newId)];
  if (old === undefined || before === undefined || old.size === 0) return;
  const after: AgentSpans = new Map(before);
  for (const [text, { key, spans }] of old) {
    const known = after.get(text)?.spans ?? [];
    after.set(text, { key, spans: spans.reduce(addToSpans, known) });
  }
  await writeAgent(trx, oldId, { before: old, after: new Map() });
  await writeAgent(trx, newId, { before, after });
}
