import { TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import type { AgentRow } from "../store/schema.ts";
import type { Store } from "../store/store.ts";

/** An agent as lists show it (CLI.md, `agents`). */
export interface AgentView {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly state: string;
  readonly version: string;
  readonly level: string | null;
  readonly group: string | null;
  readonly lastSeenAt: string | null;
  readonly certificateExpiresAt: string | null;
  readonly profile: string | null;
  /** When an older identity asked to be renewed, so that the agent seems to exist twice (F25). */
  readonly cloneSuspectedAt: string | null;
  /** Its clock minus central's, as it said last; null before it did. */
  readonly clockOffsetSeconds: number | null;
}

/** All that is known of one agent. */
export interface AgentPage extends AgentView {
  readonly joinedAt: string;
  readonly token: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly health: Readonly<Record<string, unknown>> | null;
  readonly renewal: {
    /** Number of the newest identity granted; 0 is the join's. */
    readonly number: number;
    /** Number of the newest identity in use. */
    readonly inUse: number;
    readonly lastAt: string | null;
  };
  readonly settings: {
    readonly hash: string | null;
    readonly status: string;
    readonly error: string;
  };
  /** Central's addresses as they were offered to it last. */
  readonly addresses: {
    readonly offered: readonly string[];
    readonly status: string;
    readonly error: string;
    readonly at: string | null;
  };
}

/** What an agent's message changed about it; absent means unchanged. */
export interface StatusChange {
  readonly version?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly health?: Readonly<Record<string, unknown>>;
  readonly config?: {
    readonly hash: string | null;
    readonly status: AgentRow["config_status"];
    readonly error: string;
  };
}

/** The registered agents. */
export interface AgentStore {
  list(namespace?: string): Promise<AgentView[]>;
  /** @throws api.not_found */
  page(id: string): Promise<AgentPage>;
  /**
   * Marks an agent active at its first answered message over mutual TLS; does nothing if it already is.
   *
   * @throws admission.agent_revoked, admission.agent_unknown
   */
  activate(id: string): Promise<void>;
  /** Writes what a status message changed; on the disk when the promise resolves, so that the message may be answered. */
  saveStatus(id: string, change: StatusChange): Promise<void>;
  /** Notes when and over what an agent was last heard; not awaited by any answer. */
  noteSeen(seen: readonly LastSeen[]): Promise<void>;
  /** @throws api.not_found */
  revoke(id: string, actor: string): Promise<void>;
}

/** When, and over what, an agent was last heard; milliseconds since the epoch. */
export interface LastSeen {
  readonly id: string;
  readonly atMs: number;
  readonly level: string;
  readonly group: string | null;
  /** Its clock minus central's, if it said; milliseconds. */
  readonly clockOffsetMs?: number | undefined;
}

/** What the registry of agents needs. */
export interface AgentStoreDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly now: () => number;
}

/** Opens the registry of agents. */
export function createAgentStore(deps: AgentStoreDeps): AgentStore {
  const { store } = deps;
  return {
    list: (namespace) => listAgents(store, namespace),
    page: (id) => agentPage(store, id),
    activate: (id) => activate(deps, id),
    saveStatus: (id, change) => saveStatus(store, id, change),
    noteSeen: (seen) => noteSeen(store, seen),
    revoke: (id, actor) => revoke(deps, id, actor),
  };
}

async function listAgents(
  store: Store,
  namespace: string | undefined,
  id?: string,
): Promise<AgentView[]> {
  const rows = await store.read((db) => {
    let query = db
      .selectFrom("agents")
      .selectAll("agents")
      .select((eb) =>
        eb
          .selectFrom("certificates")
          .select((c) => c.fn.max("not_after").as("latest"))
          .whereRef("certificates.agent_id", "=", "agents.id")
          .where("certificates.purpose", "=", "client")
          .where("certificates.revoked_at", "is", null)
          .as("certificate_not_after"),
      )
      .orderBy("namespace")
      .orderBy("name")
      .orderBy("id");
    if (namespace !== undefined) query = query.where("namespace", "=", namespace);
    if (id !== undefined) query = query.where("id", "=", id);
    return query.execute();
  });
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    namespace: row.namespace,
    state: row.state,
    version: row.version,
    level: row.level,
    group: row.key_group,
    lastSeenAt: time(row.last_seen_at),
    certificateExpiresAt: time(row.certificate_not_after),
    profile: null,
    cloneSuspectedAt: time(row.clone_suspected_at),
    clockOffsetSeconds:
      row.clock_offset_ms === null ? null : Math.round(row.clock_offset_ms / 1000),
  }));
}

async function agentPage(store: Store, id: string): Promise<AgentPage> {
  const [view] = await listAgents(store, undefined, id);
  const row = await store.read((db) =>
    db.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirst(),
  );
  if (view === undefined || row === undefined) throw notFound(id);
  return {
    ...view,
    joinedAt: new Date(row.joined_at).toISOString(),
    token: row.token_id,
    attributes: JSON.parse(row.attributes) as Record<string, string>,
    health: row.health === null ? null : (JSON.parse(row.health) as Record<string, unknown>),
    renewal: {
      number: row.renewal_counter,
      inUse: row.proven_counter,
      lastAt: time(row.renewed_at),
    },
    settings: { hash: row.config_hash, status: row.config_status, error: row.config_error },
    addresses: {
      offered: JSON.parse(row.addresses_offered ?? "[]") as string[],
      status: row.addresses_status,
      error: row.addresses_error,
      at: time(row.addresses_at),
    },
  };
}

async function activate(deps: AgentStoreDeps, id: string): Promise<void> {
  await deps.store.write(async (trx) => {
    const row = await trx
      .selectFrom("agents")
      .select("state")
      .where("id", "=", id)
      .executeTakeFirst();
    if (row === undefined) throw new TautlineError("admission.agent_unknown", { detail: { id } });
    if (row.state === "revoked") {
      throw new TautlineError("admission.agent_revoked", { detail: { id } });
    }
    if (row.state === "active") return;
    await trx.updateTable("agents").set({ state: "active" }).where("id", "=", id).execute();
    const who = `agent:${id}`;
    await deps.audit.append(trx, { action: "agent.active", actor: who, subject: who });
  });
}

async function saveStatus(store: Store, id: string, change: StatusChange): Promise<void> {
  const { version, attributes, health, config } = change;
  const values = {
    ...(version === undefined ? {} : { version }),
    ...(attributes === undefined ? {} : { attributes: JSON.stringify(attributes) }),
    ...(health === undefined ? {} : { health: JSON.stringify(health) }),
    ...(config === undefined
      ? {}
      : { config_hash: config.hash, config_status: config.status, config_error: config.error }),
  };
  if (Object.keys(values).length === 0) return;
  await store.write((trx) => trx.updateTable("agents").set(values).where("id", "=", id).execute());
}

async function noteSeen(store: Store, seen: readonly LastSeen[]): Promise<void> {
  if (seen.length === 0) return;
  await store.write(async (trx) => {
    for (const { id, atMs, level, group, clockOffsetMs } of seen) {
      const clock = clockOffsetMs === undefined ? {} : { clock_offset_ms: clockOffsetMs };
      await trx
        .updateTable("agents")
        .set({ last_seen_at: atMs, level, key_group: group, ...clock })
        .where("id", "=", id)
        .execute();
    }
  });
}

async function revoke(deps: AgentStoreDeps, id: string, actor: string): Promise<void> {
  const atMs = deps.now();
  await deps.store.write(async (trx) => {
    const row = await trx
      .selectFrom("agents")
      .select("state")
      .where("id", "=", id)
      .executeTakeFirst();
    if (row === undefined) throw notFound(id);
    if (row.state === "revoked") return;
    await trx.updateTable("agents").set({ state: "revoked" }).where("id", "=", id).execute();
    await trx
      .updateTable("certificates")
      .set({ revoked_at: atMs })
      .where("agent_id", "=", id)
      .where("revoked_at", "is", null)
      .execute();
    await deps.audit.append(trx, { action: "agent.revoked", actor, subject: `agent:${id}` });
  });
}

function notFound(id: string): TautlineError {
  return new TautlineError("api.not_found", { detail: { thing: "agent", id, noun: "agents" } });
}

function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
