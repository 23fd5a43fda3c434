import { type OperatorRole, parseForwardName, TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import { requireBindable, requireNamespace } from "../keys/new-key-rule.ts";
import type { ForwardTable } from "../store/forward-tables.ts";
import type { Reader, Store, Writer } from "../store/store.ts";
import type { ForwardAllowance } from "./allowance.ts";
import { FORWARD_LIMITS } from "./forward-limits.ts";
import { allowanceOf, type ForwardPlace } from "./forward-rows.ts";
import { parseForwardTarget, permittedAddresses } from "./target-rule.ts";

/** What shall be allowed. */
export interface AllowOrder extends ForwardPlace {
  /** "host:port"; undefined allows operators to open the agent's service of that name. */
  readonly target?: string | undefined;
  /** The least role that may open a service. */
  readonly operatorRole?: OperatorRole | undefined;
  readonly alsoLocal?: boolean | undefined;
  readonly proxyProtocol?: boolean | undefined;
  /** Milliseconds. */
  readonly idleMs?: number | undefined;
  /** Milliseconds. */
  readonly totalMs?: number | undefined;
  readonly maxStreams?: number | undefined;
  readonly actor: string;
}

/** What shall no longer be allowed. */
export interface DenyOrder extends ForwardPlace {
  readonly actor: string;
}

/** What agents may have central connect to. Each change is one transaction with its audit entry; when it resolves, this process follows it. */
export interface ForwardStore {
  /** @throws value.forward_name, value.forward_target, forward.target_forbidden, api.not_found for an unknown namespace, api.conflict for what is allowed already or an agent that cannot be */
  allow(order: AllowOrder): Promise<ForwardAllowance>;
  /** @throws api.not_found */
  deny(order: DenyOrder): Promise<void>;
  list(): Promise<ForwardAllowance[]>;
  /** @throws api.not_found */
  get(place: ForwardPlace): Promise<ForwardAllowance>;
}

/** What the store of forwards needs. */
export interface ForwardStoreDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly now: () => number;
  /** Told after a change is on the disk; resolves when this process follows it. Never rejects. */
  readonly onChanged: () => Promise<void>;
}

/** No address is central's own while nothing is dialled: ports move, so that is judged at each dial. */
const NOWHERE = { ports: () => [], addresses: () => [] };

/**
 * Opens the allowances of a store.
 *
 * @param deps store, trail, clock, and who follows a change
 */
export function createForwardStore(deps: ForwardStoreDeps): ForwardStore {
  const { store } = deps;
  return {
    allow: async (order) => {
      const allowed = await allowForward(deps, order);
      await deps.onChanged();
      return allowed;
    },
    deny: async (order) => {
      await denyForward(deps, order);
      await deps.onChanged();
    },
    list: async () => {
      const rows = await store.read((db) =>
        db
          .selectFrom("forwards")
          .selectAll()
          .orderBy("namespace")
          .orderBy("name")
          .orderBy("agent_id")
          .execute(),
      );
      return rows.map(allowanceOf);
    },
    get: async (place) => {
      const row = await store.read((db) => findRow(db, place));
      if (row === undefined) throw unknownForward(place);
      return allowanceOf(row);
    },
  };
}

async function allowForward(deps: ForwardStoreDeps, order: AllowOrder): Promise<ForwardAllowance> {
  const { namespace, agentId, actor } = order;
  const name = parseForwardName(order.name);
  const row: ForwardTable = {
    namespace,
    agent_id: agentId ?? "",
    name,
    ...whereOf(name, order),
    also_local: order.alsoLocal === true ? 1 : 0,
    proxy_protocol: order.proxyProtocol === true ? 1 : 0,
    idle_ms: order.idleMs ?? FORWARD_LIMITS.idleMs,
    total_ms: order.totalMs ?? FORWARD_LIMITS.totalMs,
    max_streams: order.maxStreams ?? FORWARD_LIMITS.streams,
    created_at: deps.now(),
    created_by: actor,
  };
  await deps.store.write(async (trx) => {
    await requireNamespace(trx, namespace);
    await requireFree(trx, order);
    if (agentId !== undefined) await requireBindable(trx, agentId, namespace, "forwards");
    await trx.insertInto("forwards").values(row).execute();
    const { idle_ms: idleMs, total_ms: totalMs, max_streams: maxStreams } = row;
    await deps.audit.append(trx, {
      action: "forward.allowed",
      actor,
      subject: `forward:${name}`,
      detail: {
        ...placeDetail(order),
        ...whereDetail(row),
        idleMs,
        totalMs,
        maxStreams,
        ...(row.also_local === 1 && { alsoLocal: "yes" }),
        ...(row.proxy_protocol === 1 && { proxyProtocol: "yes" }),
      },
    });
  });
  return allowanceOf(row);
}

async function denyForward(deps: ForwardStoreDeps, order: DenyOrder): Promise<void> {
  const { name, namespace, agentId = "", actor } = order;
  await deps.store.write(async (trx) => {
    const row = await findRow(trx, order);
    if (row === undefined) throw unknownForward(order);
    await trx
      .deleteFrom("forwards")
      .where("namespace", "=", namespace)
      .where("agent_id", "=", agentId)
      .where("name", "=", name)
      .execute();
    await deps.audit.append(trx, {
      action: "forward.denied",
      actor,
      subject: `forward:${name}`,
      detail: { ...placeDetail(order), ...whereDetail(row) },
    });
  });
}

/** Where it leads: to a target, or to a service that its agent alone knows the place of. */
function whereOf(
  name: string,
  { target, operatorRole = "operator", ...order }: AllowOrder,
): Pick<ForwardTable, "direction" | "target" | "operator_role"> {
  if (target === undefined) {
    return { direction: "in", target: "", operator_role: operatorRole };
  }
  const checked = requireTarget(name, target, order.alsoLocal);
  return { direction: "out", target: checked, operator_role: "" };
}

function whereDetail({ direction, target, operator_role: role }: ForwardTable) {
  return direction === "in" ? { direction, operatorRole: role } : { target };
}

/** An address that no allowance could reach is refused when it is written, not at the first dial. */
function requireTarget(name: string, text: string, alsoLocal = false): string {
  const target = { ...parseForwardTarget(text), alsoLocal };
  if (target.isAddress) permittedAddresses(name, target, [target.host], NOWHERE);
  return text;
}

async function requireFree(trx: Writer, place: ForwardPlace): Promise<void> {
  if ((await findRow(trx, place)) === undefined) return;
  const reason = `Forward '${place.name}' is allowed there already`;
  throw new TautlineError("api.conflict", { detail: { reason, noun: "forwards" } });
}

function findRow(
  db: Reader | Writer,
  { name, namespace, agentId = "" }: ForwardPlace,
): Promise<ForwardTable | undefined> {
  return db
    .selectFrom("forwards")
    .selectAll()
    .where("namespace", "=", namespace)
    .where("agent_id", "=", agentId)
    .where("name", "=", name)
    .executeTakeFirst();
}

function placeDetail({ namespace, agentId }: ForwardPlace): Record<string, string> {
  return { namespace, ...(agentId !== undefined && { agentId }) };
}

function unknownForward({ name }: ForwardPlace): TautlineError {
  const detail = { thing: "forward", id: name, noun: "forwards" };
  return new TautlineError("api.not_found", { detail });
}
