import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import {
  formatOperatorToken,
  type OperatorRole,
  type OperatorToken,
  TautlineError,
} from "@tautline/protocol";
import type { Vault } from "@tautline/vault";
import type { AuditLog } from "../audit/audit-log.ts";
import type { OperatorRow } from "../store/schema.ts";
import type { Store, Writer } from "../store/store.ts";
import { actorOf, type Principal } from "./principal.ts";

/** An operator as lists show it; of the token only its id is kept in readable form. */
export interface OperatorView {
  readonly name: string;
  readonly role: OperatorRole;
  /** Null: every namespace. */
  readonly namespace: string | null;
  readonly state: "active" | "expired" | "disabled";
  readonly tokenId: string;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt: string;
}

/** What a new operator may do, and for how long. */
export interface OperatorOrder {
  readonly name: string;
  readonly role: OperatorRole;
  /** Empty: every namespace. */
  readonly namespace: string;
  readonly ttlMs: number;
}

/** An operator just made. */
export interface NewOperator extends OperatorView {
  /** Shown this once and kept nowhere. */
  readonly token: string;
}

/** What presenting a token showed. */
export type Proof =
  | { readonly ok: true; readonly principal: Principal }
  /** `known`: the secret was right, but it is good for nothing any more. */
  | { readonly ok: false; readonly known: Principal | undefined };

/** The operators of central. All of them are held in memory, so that a stranger's guess never reaches the disk (A20). */
export interface OperatorStore {
  /** @throws api.conflict for a name that is taken, api.not_found for an unknown namespace */
  create(order: OperatorOrder, by: Principal): Promise<NewOperator>;
  list(): readonly OperatorView[];
  /** Whether an operator of this name may still do anything. */
  isActive(name: string): boolean;
  /** The namespace of an operator (empty for every one); undefined where there is none of that name. */
  namespaceOf(name: string): string | undefined;
  /**
   * Ends an operator; nothing happens to one that has ended already.
   *
   * @throws api.not_found, api.conflict for oneself
   */
  disable(name: string, by: Principal): Promise<void>;
  /** Judges a presented token; an unknown id costs the same as a wrong secret. */
  prove(token: OperatorToken): Proof;
}

/** What the operators need. */
export interface OperatorStoreDeps {
  readonly store: Store;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly now: () => number;
  /** Told after an operator's end is on the disk. */
  readonly onEnded: (name: string) => void;
}

const ID_BYTES = 8;
const SECRET_BYTES = 32;

interface Known {
  readonly row: OperatorRow;
  readonly secretHash: Buffer;
}

/**
 * Opens the operators of a store.
 *
 * @param deps store, vault, trail, clock, and who closes the connections of one that was disabled
 * @throws vault.field_damaged
 */
export async function openOperators(deps: OperatorStoreDeps): Promise<OperatorStore> {
  const { store, vault, now } = deps;
  const rows = await store.read((db) => db.selectFrom("operators").selectAll().execute());
  const byName = new Map<string, Known>();
  const byTokenId = new Map<string, Known>();
  const remember = (row: OperatorRow): void => {
    const secretHash = vault.open(placeOf(row.name), row.sealed_secret_hash);
    const known = { row, secretHash };
    byName.set(row.name, known);
    byTokenId.set(row.token_id, known);
  };
  for (const row of rows) remember(row);
  return {
    create: async (order, by) => {
      const { row, token } = await insertOperator(deps, order, by);
      remember(row);
      return { ...viewOf(row, now()), token };
    },
    list: () => {
      const views = [...byName.values()].map(({ row }) => viewOf(row, now()));
      return views.toSorted((left, right) => (left.name < right.name ? -1 : 1));
    },
    isActive: (name) => {
      const row = byName.get(name)?.row;
      return row !== undefined && stateOf(row, now()) === "active";
    },
    namespaceOf: (name) => byName.get(name)?.row.namespace,
    disable: async (name, by) => {
      const known = byName.get(name);
      if (known === undefined) throw unknownOperator(name);
      if (name === by.name) {
        const reason = "An operator cannot disable itself";
        throw new TautlineError("api.conflict", { detail: { reason, noun: "operators" } });
      }
      if (known.row.disabled_at !== null) return;
      remember(await endOperator(deps, known.row, by));
      deps.onEnded(name);
    },
    prove: (token) => prove(byTokenId.get(token.id), token.secret, now()),
  };
}

function prove(known: Known | undefined, secret: Uint8Array, nowMs: number): Proof {
  const presented = hashOf(secret);
  // Compared in both cases, so that time does not tell which ids there are.
  const isRight = timingSafeEqual(presented, known?.secretHash ?? hashOf(presented));
  if (known === undefined || !isRight) return { ok: false, known: undefined };
  const { row } = known;
  const principal = { name: row.name, role: row.role, namespace: row.namespace };
  return stateOf(row, nowMs) === "active"
    ? { ok: true, principal }
    : { ok: false, known: principal };
}

async function insertOperator(
  { store, vault, audit, now }: OperatorStoreDeps,
  order: OperatorOrder,
  by: Principal,
): Promise<{ row: OperatorRow; token: string }> {
  const { name, role, namespace, ttlMs } = order;
  const id = randomBytes(ID_BYTES).toString("hex");
  const secret = randomBytes(SECRET_BYTES);
  const createdAtMs = now();
  const row: OperatorRow = {
    name,
    token_id: id,
    role,
    namespace,
    sealed_secret_hash: vault.seal(placeOf(name), hashOf(secret)),
    created_at: createdAtMs,
    created_by: actorOf(by),
    expires_at: createdAtMs + ttlMs,
    disabled_at: null,
  };
  await store.write(async (trx) => {
    await requireFree(trx, name);
    if (namespace !== "") await requireNamespace(trx, namespace);
    await trx.insertInto("operators").values(row).execute();
    await audit.append(trx, {
      action: "operator.created",
      actor: actorOf(by),
      subject: `operator:${name}`,
      detail: { role, namespace, tokenId: id, expiresAt: time(row.expires_at) },
    });
  });
  return { row, token: formatOperatorToken({ id, secret }) };
}

async function endOperator(
  { store, audit, now }: OperatorStoreDeps,
  row: OperatorRow,
  by: Principal,
): Promise<OperatorRow> {
  const ended = { ...row, disabled_at: now() };
  await store.write(async (trx) => {
    await trx
      .updateTable("operators")
      .set({ disabled_at: ended.disabled_at })
      .where("name", "=", row.name)
      .execute();
    const subject = `operator:${row.name}`;
    await audit.append(trx, { action: "operator.disabled", actor: actorOf(by), subject });
  });
  return ended;
}

async function requireFree(trx: Writer, name: string): Promise<void> {
  const taken = await trx
    .selectFrom("operators")
    .select("name")
    .where("name", "=", name)
    .executeTakeFirst();
  if (taken === undefined) return;
  // A name is never given twice, or the trail would not tell who did what.
  const reason = `The name '${name}' is or was an operator's`;
  throw new TautlineError("api.conflict", { detail: { reason, noun: "operators" } });
}

async function requireNamespace(trx: Writer, name: string): Promise<void> {
  const known = await trx
    .selectFrom("namespaces")
    .select("name")
    .where("name", "=", name)
    .executeTakeFirst();
  if (known !== undefined) return;
  const detail = { thing: "namespace", id: name, noun: "namespaces" };
  throw new TautlineError("api.not_found", { detail });
}

function unknownOperator(name: string): TautlineError {
  const detail = { thing: "operator", id: name, noun: "operators" };
  return new TautlineError("api.not_found", { detail });
}

function stateOf(row: OperatorRow, nowMs: number): OperatorView["state"] {
  if (row.disabled_at !== null) return "disabled";
  return nowMs >= row.expires_at ? "expired" : "active";
}

function viewOf(row: OperatorRow, nowMs: number): OperatorView {
  return {
    name: row.name,
    role: row.role,
    namespace: row.namespace === "" ? null : row.namespace,
    state: stateOf(row, nowMs),
    tokenId: row.token_id,
    createdAt: time(row.created_at),
    createdBy: row.created_by,
    expiresAt: time(row.expires_at),
  };
}

function placeOf(name: string) {
  return { table: "operators", row: name, column: "sealed_secret_hash" };
}

function hashOf(secret: Uint8Array): Buffer {
  return createHash("sha256").update(secret).digest();
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
