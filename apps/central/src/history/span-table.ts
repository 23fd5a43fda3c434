import type { HistorySpanTable } from "../store/history-tables.ts";
import type { Reader, Writer } from "../store/store.ts";
import type { PlaceKey } from "./catalogue.ts";
import type { Span } from "./span.ts";

/** The spans of one place of one agent, oldest first. */
export interface PlaceSpans {
  readonly key: PlaceKey;
  readonly spans: readonly Span[];
}

/** The places of one agent by the text of their numbers. */
export type AgentSpans = Map<string, PlaceSpans>;

/** Agents read by one statement: a fixed number, so that the statement is prepared once. */
export const AGENTS_AT_ONCE = 64;

/** An agent's id as rows hold it. */
export function agentBytes(agentId: string): Buffer {
  return Buffer.from(agentId.replaceAll("-", ""), "hex");
}

/** An agent's id as it is written, of the 16 bytes of a row. */
export function agentText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The numbers of a place as one text. */
export function keyText({ kind, component, profile, code }: PlaceKey): string {
  return `${kind}/${component}/${profile}/${code}`;
}

/**
 * Reads what is kept of some agents.
 *
 * @param db database or transaction
 * @param agentIds at most `AGENTS_AT_ONCE`, at least one
 * @returns every one of them, also those of whom nothing is kept
 */
export async function readAgents(
  db: Reader | Writer,
  agentIds: readonly string[],
): Promise<Map<string, AgentSpans>> {
  const all = new Map<string, AgentSpans>(agentIds.map((id) => [id, new Map()]));
  const filled = Array.from({ length: AGENTS_AT_ONCE }, (_, at) => agentIds[at] ?? agentIds[0]);
  const rows = await db
    .selectFrom("history_spans")
    .selectAll()
    .where(
      "agent",
      "in",
      filled.map((id) => agentBytes(id ?? "")),
    )
    .orderBy("agent")
    .orderBy("kind")
    .orderBy("component")
    .orderBy("profile")
    .orderBy("code")
    .orderBy("first_at")
    .execute();
  for (const row of rows) addRow(all.get(agentText(row.agent)), row);
  return all;
}

/**
 * Adds a row to what was read of its agent.
 *
 * @param agent the agent's places so far
 * @param row the next one, in the order of the table's key
 */
export function addRow(agent: AgentSpans | undefined, row: HistorySpanTable): void {
  const { kind, component, profile, code } = row;
  const key = { kind, component, profile, code };
  const text = keyText(key);
  const span = spanOf(row);
  const known = agent?.get(text);
  agent?.set(text, { key, spans: known === undefined ? [span] : [...known.spans, span] });
}

function spanOf({ first_at, last_at, days, links, address }: HistorySpanTable): Span {
  return { firstMs: first_at, lastMs: last_at, days, links, address };
}

/**
 * Writes what became of an agent's places: rows that are no more are deleted, new and changed ones written, others left alone.
 *
 * @param trx the transaction
 * @param agentId whose
 * @param before as they are in the database
 * @param after as they shall be
 */
export async function writeAgent(
  trx: Writer,
  agentId: string,
  { before, after }: { readonly before: AgentSpans; readonly after: AgentSpans },
): Promise<void> {
  const agent = agentBytes(agentId);
  for (const text of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(text), after.get(text)];
    const key = is?.key ?? was?.key;
    if (key === undefined || was?.spans === is?.spans) continue;
    await writePlace(trx, { agent, ...key }, { before: was?.spans ?? [], after: is?.spans ?? [] });
  }
}

async function writePlace(
  trx: Writer,
  key: RowKey,
  { before, after }: { readonly before: readonly Span[]; readonly after: readonly Span[] },
): Promise<void> {
  const old = new Map(before.map((span) => [span.firstMs, span]));
  for (const span of after) {
    if (!isSame(old.get(span.firstMs), span)) await putSpan(trx, key, span);
    old.delete(span.firstMs);
  }
  for (const firstMs of old.keys()) await deleteSpan(trx, key, firstMs);
}

type RowKey = PlaceKey & Pick<HistorySpanTable, "agent">;

function isSame(old: Span | undefined, span: Span): boolean {
  return (
    old !== undefined &&
    old.lastMs === span.lastMs &&
    old.days === span.days &&
    old.links === span.links &&
    old.address === span.address
  );
}

async function putSpan(trx: Writer, key: RowKey, span: Span): Promise<void> {
  const values = {
    last_at: span.lastMs,
    days: span.days,
    links: span.links,
    address: span.address,
  };
  await trx
    .insertInto("history_spans")
    .values({ ...key, first_at: span.firstMs, ...values })
    .onConflict((conflict) =>
      conflict
        .columns(["agent", "kind", "component", "profile", "code", "first_at"])
        .doUpdateSet(values),
    )
    .execute();
}

async function deleteSpan(trx: Writer, key: RowKey, firstMs: number): Promise<void> {
  await trx
    .deleteFrom("history_spans")
    .where("agent", "=", key.agent)
    .where("kind", "=", key.kind)
    .where("component", "=", key.component)
    .where("profile", "=", key.profile)
    .where("code", "=", key.code)
    .where("first_at", "=", firstMs)
    .execute();
}
