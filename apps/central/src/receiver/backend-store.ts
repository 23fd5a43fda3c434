import { TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import { requireNamespace } from "../keys/new-key-rule.ts";
import type { ReceiverBackendTable } from "../store/receiver-tables.ts";
import type { Store, Writer } from "../store/store.ts";
import type { Backend } from "./backend.ts";
import { type BackendOrder, rowOfOrder } from "./backend-order.ts";
import { backendOfRow } from "./backend-rows.ts";
import { sharedRoute } from "./route-rule.ts";

/** Where telemetry goes. Each change is one transaction with its audit entry; when it resolves, this process follows it. */
export interface BackendStore {
  /** @throws value.*, receiver.backend_forbidden, api.invalid, api.not_found for an unknown namespace, api.conflict for a name or a route that is taken */
  add(order: BackendOrder): Promise<Backend>;
  /** @throws api.not_found */
  remove(name: string, actor: string): Promise<void>;
  list(): Promise<Backend[]>;
  /** @throws api.not_found */
  get(name: string): Promise<Backend>;
}

/** What the stores of the receiver need. */
export interface ReceiverStoreDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly now: () => number;
  /** Told after a change is on the disk; resolves when this process follows it. Never rejects. */
  readonly onChanged: () => Promise<void>;
}

/** The most backends of one central. */
export const MOST_BACKENDS = 256;

/**
 * Opens the backends of a store.
 *
 * @param deps store, trail, clock, and who follows a change
 */
export function createBackendStore(deps: ReceiverStoreDeps): BackendStore {
  const { store } = deps;
  const rows = (): Promise<ReceiverBackendTable[]> =>
    store.read((db) => db.selectFrom("receiver_backends").selectAll().orderBy("name").execute());
  return {
    add: async (order) => {
      const added = await addBackend(deps, order);
      await deps.onChanged();
      return added;
    },
    remove: async (name, actor) => {
      await removeBackend(deps, name, actor);
      await deps.onChanged();
    },
    list: async () => (await rows()).map(backendOfRow),
    get: async (name) => {
      const row = (await rows()).find((each) => each.name === name);
      if (row === undefined) throw unknownBackend(name);
      return backendOfRow(row);
    },
  };
}

async function addBackend(deps: ReceiverStoreDeps, order: BackendOrder): Promise<Backend> {
  const row = rowOfOrder(order, deps.now());
  await deps.store.write(async (trx) => {
    if (row.namespace !== "") await requireNamespace(trx, row.namespace);
    await requireRoom(trx, row);
    await trx.insertInto("receiver_backends").values(row).execute();
    const { name, targets, protocol, routes, tls, levels, namespace } = row;
    await deps.audit.append(trx, {
      action: "backend.added",
      actor: order.actor,
      subject: `backend:${name}`,
      detail: {
        targets,
        protocol,
        routes: routes || "the rest",
        tls,
        levels,
        ...(namespace !== "" && { namespace }),
        ...(row.require_token === 1 && { token: "required" }),
        ...(row.anonymous === 1 && { anonymous: "yes" }),
        ...(row.also_local === 1 && { alsoLocal: "yes" }),
        ...(row.claims !== "off" && { claims: row.claims }),
      },
    });
  });
  return backendOfRow(row);
}

async function removeBackend(
  { store, audit }: ReceiverStoreDeps,
  name: string,
  actor: string,
): Promise<void> {
  await store.write(async (trx) => {
    const row = await trx
      .selectFrom("receiver_backends")
      .select(["targets", "protocol"])
      .where("name", "=", name)
      .executeTakeFirst();
    if (row === undefined) throw unknownBackend(name);
    await trx.deleteFrom("receiver_backends").where("name", "=", name).execute();
    const subject = `backend:${name}`;
    await audit.append(trx, { action: "backend.removed", actor, subject, detail: { ...row } });
  });
}

/** One route, one backend: which of two would take a call must not depend on their order. */
async function requireRoom(trx: Writer, row: ReceiverBackendTable): Promise<void> {
  const others = await trx.selectFrom("receiver_backends").selectAll().execute();
  if (others.length >= MOST_BACKENDS) throw conflict(`There are ${MOST_BACKENDS} backends already`);
  const wanted = backendOfRow(row);
  for (const other of others.map(backendOfRow)) {
    if (other.name === wanted.name) throw conflict(`There is a backend '${wanted.name}' already`);
    const shared = sharedRoute(wanted, other);
    if (shared === undefined) continue;
    const what = shared === "" ? "what no other backend takes" : shared;
    throw conflict(`Backend '${other.name}' takes ${what} over ${wanted.protocol} already`);
  }
}

function conflict(reason: string): TautlineError {
  return new TautlineError("api.conflict", { detail: { reason, noun: "backends" } });
}

function unknownBackend(name: string): TautlineError {
  return new TautlineError("api.not_found", {
    detail: { thing: "backend", id: name, noun: "backends" },
  });
}
