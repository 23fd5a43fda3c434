import { type CertificateUse, includesUse, TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import { requireBindable, requireNamespace } from "../keys/new-key-rule.ts";
import type { ProgramNameTable } from "../store/program-tables.ts";
import type { Reader, Store, Writer } from "../store/store.ts";
import { requireProgramNames, type TakenNames } from "./program-names.ts";

/** For whom names are allowed. */
export interface ProgramPlace {
  readonly namespace: string;
  /** The one agent it is for; undefined for every agent of the namespace. */
  readonly agentId?: string | undefined;
}

/** Names that shall be allowed, all or none. */
export interface AllowNamesOrder extends ProgramPlace {
  readonly names: readonly string[];
  readonly use: CertificateUse;
  readonly actor: string;
}

/** One name that shall no longer be allowed. */
export interface DenyNameOrder extends ProgramPlace {
  readonly name: string;
  readonly actor: string;
}

/** One name that may be had. */
export interface ProgramNameView {
  readonly name: string;
  readonly namespace: string;
  /** Null: every agent of the namespace. */
  readonly agent: string | null;
  readonly use: CertificateUse;
  readonly createdAt: string;
  readonly createdBy: string;
}

/** Which names agents may have for programs. Each change is one transaction with its audit entry. */
export interface ProgramNameStore {
  /** @throws value.certified_name, certificate.name_taken, api.not_found for an unknown namespace, api.conflict for what is allowed already or an agent that cannot be */
  allow(order: AllowNamesOrder): Promise<ProgramNameView[]>;
  /** @throws api.not_found */
  deny(order: DenyNameOrder): Promise<void>;
  list(): Promise<ProgramNameView[]>;
}

/** What the store needs. */
export interface ProgramNameDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly now: () => number;
  /** Whose names are never a program's; asked anew each time, since addresses come and go. */
  readonly takenNames: (db: Reader | Writer) => Promise<TakenNames>;
}

/**
 * Opens the allowances of a store.
 *
 * @param deps database, trail, clock, and whose names are taken
 */
export function createProgramNameStore(deps: ProgramNameDeps): ProgramNameStore {
  return {
    allow: (order) => deps.store.write((trx) => allow(deps, trx, order)),
    deny: (order) => deps.store.write((trx) => deny(deps, trx, order)),
    list: async () => {
      const rows = await deps.store.read((db) =>
        db
          .selectFrom("program_names")
          .selectAll()
          .orderBy("namespace")
          .orderBy("name")
          .orderBy("agent_id")
          .execute(),
      );
      return rows.map(viewOf);
    },
  };
}

/**
 * Refuses a name that is not allowed for this use: an agent has its own allowances and those of its namespace.
 *
 * @param trx the transaction that issues
 * @param place who asks
 * @param wanted names and use
 * @throws certificate.name_not_allowed
 */
export async function requireAllowedNames(
  trx: Writer,
  { namespace, agentId }: ProgramPlace,
  { names, use }: { readonly names: readonly string[]; readonly use: CertificateUse },
): Promise<void> {
  const rows = await trx
    .selectFrom("program_names")
    .select(["name", "use"])
    .where("namespace", "=", namespace)
    .where("agent_id", "in", agentId === undefined ? [""] : ["", agentId])
    .where("name", "in", names)
    .execute();
  // A server's and a client's allowance of one name are two of them, and together both.
  const isAllowed = (name: string, asked: CertificateUse): boolean =>
    rows.some((row) => row.name === name && includesUse(row.use, asked)) ||
    (asked === "both" && isAllowed(name, "server") && isAllowed(name, "client"));
  const name = names.find((each) => !isAllowed(each, use));
  if (name === undefined) return;
  const who = agentId === undefined ? `namespace ${namespace}` : `agent ${agentId}`;
  throw new TautlineError("certificate.name_not_allowed", { detail: { name, who } });
}

async function allow(
  { now, audit, takenNames }: ProgramNameDeps,
  trx: Writer,
  { namespace, agentId, names, use, actor }: AllowNamesOrder,
): Promise<ProgramNameView[]> {
  requireProgramNames(names, await takenNames(trx));
  await requireNamespace(trx, namespace);
  if (agentId !== undefined) await requireBindable(trx, agentId, namespace, "certs");
  const rows = names.map((name) => ({
    namespace,
    agent_id: agentId ?? "",
    name,
    use,
    created_at: now(),
    created_by: actor,
  }));
  for (const row of rows) {
    if ((await find(trx, row)) !== undefined) throw allowedAlready(row);
    await trx.insertInto("program_names").values(row).execute();
  }
  const detail = { ...placeDetail({ namespace, agentId }), names: names.join(", "), use };
  const subject = agentId === undefined ? `namespace:${namespace}` : `agent:${agentId}`;
  await audit.append(trx, { action: "certificate.names_allowed", actor, subject, detail });
  return rows.map(viewOf);
}

async function deny(
  { audit }: ProgramNameDeps,
  trx: Writer,
  { namespace, agentId, name, actor }: DenyNameOrder,
): Promise<void> {
  const key = { namespace, agent_id: agentId ?? "", name };
  const row = await find(trx, key);
  if (row === undefined) {
    const detail = { thing: "allowed name", id: name, noun: "certs" };
    throw new TautlineError("api.not_found", { detail });
  }
  await trx
    .deleteFrom("program_names")
    .where("namespace", "=", key.namespace)
    .where("agent_id", "=", key.agent_id)
    .where("name", "=", name)
    .execute();
  const subject = agentId === undefined ? `namespace:${namespace}` : `agent:${agentId}`;
  const detail = { ...placeDetail({ namespace, agentId }), name, use: row.use };
  await audit.append(trx, { action: "certificate.name_denied", actor, subject, detail });
}

function find(
  trx: Writer,
  key: Pick<ProgramNameTable, "namespace" | "agent_id" | "name">,
): Promise<ProgramNameTable | undefined> {
  return trx
    .selectFrom("program_names")
    .selectAll()
    .where("namespace", "=", key.namespace)
    .where("agent_id", "=", key.agent_id)
    .where("name", "=", key.name)
    .executeTakeFirst();
}

function viewOf(row: ProgramNameTable): ProgramNameView {
  return {
    name: row.name,
    namespace: row.namespace,
    agent: row.agent_id === "" ? null : row.agent_id,
    use: row.use,
    createdAt: new Date(row.created_at).toISOString(),
    createdBy: row.created_by,
  };
}

function placeDetail({ namespace, agentId }: ProgramPlace): Record<string, string> {
  return { namespace, ...(agentId !== undefined && { agentId }) };
}

function allowedAlready({ name }: Pick<ProgramNameTable, "name">): TautlineError {
  const reason = `A certificate for '${name}' is allowed there already`;
  return new TautlineError("api.conflict", { detail: { reason, noun: "certs" } });
}
