import { compareLevels, isLevel, type Level, TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import { refuseClaim, requiredAgent } from "../fleet/required-agent.ts";
import type { AgentRow } from "../store/schema.ts";
import type { Reader, Store, Writer } from "../store/store.ts";
import { MOVABLE, type MoveStatus } from "./move-rule.ts";

/** An order that an agent has not settled yet. */
export interface OpenOrder {
  readonly level: Level;
  readonly status: MoveStatus;
  /** Of the status; milliseconds since the epoch. */
  readonly atMs: number;
}

/** How an agent stands to the level it was ordered to. */
export interface OrderStatus {
  readonly level: Level;
  readonly status: "offered" | "applied" | "failed" | "waiting";
  /** Code and sentence of the agent's; empty unless it failed. */
  readonly error: string;
}

/** Which level agents are ordered to climb to, and how far they have come. */
export interface LevelOrders {
  /**
   * Orders agents to climb, in the place of what they were ordered before; who is linked is told at once, who is not when it comes.
   * Agents without an identity, and those that were declined or revoked, are passed over: `statusOf` does not know them.
   */
  order(agentIds: readonly string[], level: Level, actor: string): Promise<void>;
  /**
   * The same of one agent, for a person, who is told why it cannot be.
   *
   * @throws api.not_found, fleet.no_identity, fleet.not_possible, fleet.move_lowers
   */
  orderOne(agentId: string, level: Level, actor: string): Promise<void>;
  /** Takes orders back. An agent that has accepted one already goes on with it, and is asked nothing more. */
  withdraw(agentIds: readonly string[], actor?: string): Promise<void>;
  /** How agents stand; those that were ordered nothing are left out. */
  statusOf(agentIds: readonly string[]): Promise<ReadonlyMap<string, OrderStatus>>;
  /** From memory, as it is asked with every message. */
  openOf(agentId: string): OpenOrder | undefined;
  /** Takes note that the order is being offered, so that nothing else offers it at the same time; `reread` follows. */
  noteOffer(agentId: string): void;
  /** Reads an agent's order anew, once an offer or a receipt has changed it. */
  reread(agentId: string): Promise<void>;
}

/** What orders need. */
export interface LevelOrdersDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly now: () => number;
  /** Has an agent's live links offer it what there is to offer. Never rejects. */
  readonly tellAgent: (agentId: string) => Promise<void>;
}

/** So many agents a transaction, and so many told at once: a fleet's orders hold up nobody's answer for long. */
const BATCH = 200;

/**
 * Opens the orders, reading those that are not settled into memory.
 *
 * @param deps store, trail, clock, and the way to agents
 */
export async function openLevelOrders(deps: LevelOrdersDeps): Promise<LevelOrders> {
  const { store } = deps;
  const open = new Map<string, OpenOrder>();
  const keep = (rows: readonly OrderRow[]): void => {
    for (const row of rows) keepOne(open, row);
  };
  keep(await store.read((db) => readRows(db).where("move_level", "is not", null).execute()));
  const reread = async (ids: readonly string[]): Promise<void> =>
    keep(await store.read((db) => readRows(db).where("id", "in", ids).execute()));
  const inBatches = async (
    ids: readonly string[],
    write: (trx: Writer, ids: readonly string[]) => Promise<void>,
  ): Promise<void> => {
    for (const batch of batchesOf(ids)) {
      await store.write((trx) => write(trx, batch));
      await reread(batch);
    }
  };
  return {
    order: async (ids, level, actor) => {
      await inBatches(ids, (trx, batch) => orderThese(deps, trx, batch, { level, actor }));
      void tellAll(deps, ids);
    },
    orderOne: async (id, level, actor) => {
      await store.write(async (trx) => {
        requireMovable(await requiredAgent(trx, id), level);
        await orderThese(deps, trx, [id], { level, actor });
      });
      await reread([id]);
      void tellAll(deps, [id]);
    },
    withdraw: (ids, actor = "central") =>
      inBatches(ids, (trx, batch) => withdrawThese(deps, trx, batch, actor)),
    statusOf: (ids) => statusOf(store, ids),
    openOf: (id) => open.get(id),
    noteOffer: (id) => {
      const order = open.get(id);
      if (order !== undefined) open.set(id, { ...order, status: "offered", atMs: deps.now() });
    },
    reread: (id) => reread([id]),
  };
}

type OrderRow = Pick<AgentRow, "id" | "move_level" | "move_status" | "move_error" | "move_at">;

function readRows(db: Reader) {
  return db
    .selectFrom("agents")
    .select(["id", "move_level", "move_status", "move_error", "move_at"]);
}

function keepOne(open: Map<string, OpenOrder>, row: OrderRow): void {
  const { id, move_level: level, move_status: status, move_at: atMs } = row;
  const isOpen = status === "waiting" || status === "offered";
  if (level !== null && isOpen) open.set(id, { level, status, atMs: atMs ?? 0 });
  else open.delete(id);
}

async function orderThese(
  { audit, now }: LevelOrdersDeps,
  trx: Writer,
  ids: readonly string[],
  { level, actor }: { readonly level: Level; readonly actor: string },
): Promise<void> {
  const waiting = { move_status: "waiting", move_error: "", move_seq: null } as const;
  const ordered = await trx
    .updateTable("agents")
    .set({ move_level: level, ...waiting, move_at: now() })
    .where("id", "in", ids)
    .where("state", "in", MOVABLE)
    .returning("id")
    .execute();
  for (const { id } of ordered) {
    const subject = `agent:${id}`;
    await audit.append(trx, { action: "agent.move-ordered", actor, subject, detail: { level } });
  }
}

async function withdrawThese(
  { audit, now }: LevelOrdersDeps,
  trx: Writer,
  ids: readonly string[],
  actor: string,
): Promise<void> {
  const unset = { move_status: "unset", move_error: "", move_seq: null, move_level: null } as const;
  const withdrawn = await trx
    .updateTable("agents")
    .set({ ...unset, move_at: now() })
    .where("id", "in", ids)
    .where("move_status", "in", ["waiting", "offered"])
    .returning("id")
    .execute();
  for (const { id } of withdrawn) {
    await audit.append(trx, { action: "agent.move-withdrawn", actor, subject: `agent:${id}` });
  }
}

function requireMovable(agent: AgentRow, level: Level): void {
  refuseClaim(agent, "moved");
  const { id, state, level: has } = agent;
  if (!MOVABLE.includes(state)) {
    throw new TautlineError("fleet.not_possible", { detail: { id, state, done: "moved" } });
  }
  if (has !== null && isLevel(has) && compareLevels(level, has) < 0) {
    throw new TautlineError("fleet.move_lowers", { detail: { id, level, has } });
  }
}

async function statusOf(
  store: Store,
  ids: readonly string[],
): Promise<ReadonlyMap<string, OrderStatus>> {
  const found = new Map<string, OrderStatus>();
  for (const batch of batchesOf(ids)) {
    const rows = await store.read((db) => readRows(db).where("id", "in", batch).execute());
    for (const { id, move_level: level, move_status: status, move_error: error } of rows) {
      if (level !== null && status !== "unset") found.set(id, { level, status, error });
    }
  }
  return found;
}

async function tellAll({ tellAgent }: LevelOrdersDeps, ids: readonly string[]): Promise<void> {
  for (const batch of batchesOf(ids)) await Promise.all(batch.map((id) => tellAgent(id)));
}

function batchesOf(ids: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, at) =>
    ids.slice(at * BATCH, (at + 1) * BATCH),
  );
}
