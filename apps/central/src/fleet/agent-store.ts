import { TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import { type EdgeView, edgeView } from "../edges/edge-view.ts";
import type { AgentRow, ApprovalRow } from "../store/schema.ts";
import type { Store } from "../store/store.ts";
import { type ApprovalView, approvalView } from "./approval-view.ts";
import { endIdentity } from "./end-identity.ts";
import { refusalOf, type ShownState, stateShown } from "./life-rule.ts";
import { refuseClaim } from "./required-agent.ts";
import { IS_CLAIM, saveStatus, type StatusChange } from "./save-status.ts";

/** An agent as lists show it (CLI.md, `agents`). */
export interface AgentView {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly state: ShownState;
  readonly version: string;
  readonly level: string | null;
  readonly group: string | null;
  readonly lastSeenAt: string | null;
  readonly certificateExpiresAt: string | null;
  readonly profile: string | null;
  /** When an older identity asked to be renewed, so that the agent seems to exist twice (F25). */
  readonly cloneSuspectedAt: string | null;
  /** What it asks an operator for, until that is issued; null where it asks nothing. */
  readonly approval: ApprovalView | null;
  /** Its clock minus central's, as it said last; null before it did. */
  readonly clockOffsetSeconds: number | null;
  /** What it said of its edge last; null where it has none. */
  readonly edge: EdgeView | null;
}

/** All that is known of one agent. */
export interface AgentPage extends AgentView {
  readonly joinedAt: string;
  readonly quarantinedAt: string | null;
  /** The agent that took its place, and those whose place it took. */
  readonly replacedBy: string | null;
  readonly replaces: readonly string[];
  /** Empty for agents without an identity. */
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
  /** The level it was ordered to climb to last, and how that went. */
  readonly move: {
    readonly level: string | null;
    readonly status: string;
    readonly error: string;
    readonly at: string | null;
  };
  /** When an operator had it told where it can join, and when it was told last; both null for agents with an identity. */
  readonly promotion: { readonly at: string | null; readonly toldAt: string | null };
}

/** The registered agents. */
export interface AgentStore {
  list(namespace?: string): Promise<AgentView[]>;
  /** @throws api.not_found */
  page(id: string): Promise<AgentPage>;
  /**
   * Marks an agent active at its first answered message over mutual TLS; does nothing if it already is.
   *
   * @throws admission.agent_revoked, admission.agent_quarantined, admission.agent_unknown, enrolment.declined
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
  /** Nobody proved to be it: what is noted is not noted of an agent that has got an identity meanwhile. */
  readonly isClaim?: boolean | undefined;
}

/** What the registry of agents needs. */
export interface AgentStoreDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly now: () => number;
  /** How often agents of a namespace are to say that they are alive, in milliseconds. */
  readonly heartbeatOf: (namespace: string) => Promise<number>;
}

/** Opens the registry of agents. */
export function createAgentStore(deps: AgentStoreDeps): AgentStore {
  const { store } = deps;
  return {
    list: (namespace) => listAgents(deps, namespace),
    page: (id) => agentPage(deps, id),
    activate: (id) => activate(deps, id),
    saveStatus: (id, change) => saveStatus(store, id, change),
    noteSeen: (seen) => noteSeen(store, seen),
    revoke: (id, actor) => revoke(deps, id, actor),
  };
}

async function listAgents(
  deps: AgentStoreDeps,
  namespace: string | undefined,
  id?: string,
): Promise<AgentView[]> {
  const [rows, approvals] = await readAgents(deps.store, namespace, id);
  const byAgent = new Map(approvals.map((row) => [row.agent_id, row]));
  const heartbeats = new Map<string, number>();
  for (const { namespace: place } of rows) {
    if (!heartbeats.has(place)) heartbeats.set(place, await deps.heartbeatOf(place));
  }
  return rows.map((row) => {
    const around = {
      approval: byAgent.get(row.id),
      heartbeatMs: heartbeats.get(row.namespace) ?? 0,
    };
    return viewOf(row, around, deps.now());
  });
}

type ListedRow = AgentRow & { readonly certificate_not_after: number | null };

async function readAgents(
  store: Store,
  namespace: string | undefined,
  id: string | undefined,
): Promise<[ListedRow[], ApprovalRow[]]> {
  return store.read((db) => {
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
    let asked = db.selectFrom("approvals").selectAll();
    if (namespace !== undefined) query = query.where("namespace", "=", namespace);
    if (id !== undefined) {
      query = query.where("id", "=", id);
      asked = asked.where("agent_id", "=", id);
    }
    return Promise.all([query.execute(), asked.execute()]);
  });
}

interface AroundAgent {
  readonly approval: ApprovalRow | undefined;
  readonly heartbeatMs: number;
}

function viewOf(row: ListedRow, { approval, heartbeatMs }: AroundAgent, nowMs: number): AgentView {
  const facts = {
    state: row.state,
    awaitsApproval: approval?.kind === "renewal" && approval.decision === null,
    certificateEndsMs: row.certificate_not_after,
    lastHeardMs: row.last_seen_at ?? row.joined_at,
    heartbeatMs,
  };
  return {
    id: row.id,
    name: row.name,
    namespace: row.namespace,
    state: stateShown(facts, nowMs),
    version: row.version,
    level: row.level,
    group: row.key_group,
    lastSeenAt: time(row.last_seen_at),
    certificateExpiresAt: time(row.certificate_not_after),
    profile: null,
    cloneSuspectedAt: time(row.clone_suspected_at),
    approval: approval === undefined ? null : approvalView(approval),
    clockOffsetSeconds:
      row.clock_offset_ms === null ? null : Math.round(row.clock_offset_ms / 1000),
    edge: edgeView(row),
  };
}

async function agentPage(deps: AgentStoreDeps, id: string): Promise<AgentPage> {
  const [view] = await listAgents(deps, undefined, id);
  const [row, replaced] = await deps.store.read((db) =>
    Promise.all([
      db.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirst(),
      db.selectFrom("agents").select("id").where("replaced_by", "=", id).orderBy("id").execute(),
    ]),
  );
  if (view === undefined || row === undefined) throw notFound(id);
  return {
    ...view,
    joinedAt: new Date(row.joined_at).toISOString(),
    quarantinedAt: time(row.quarantined_at),
    replacedBy: row.replaced_by,
    replaces: replaced.map((each) => each.id),
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
    move: {
      level: row.move_level,
      status: row.move_status,
      error: row.move_error,
      at: time(row.move_at),
    },
    promotion: { at: time(row.promoted_at), toldAt: time(row.promotion_told_at) },
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
    const refusal = refusalOf(row.state, id);
    if (refusal !== undefined) throw refusal;
    if (row.state === "active") return;
    await trx.updateTable("agents").set({ state: "active" }).where("id", "=", id).execute();
    const who = `agent:${id}`;
    await deps.audit.append(trx, { action: "agent.active", actor: who, subject: who });
  });
}

const NOTE_SEEN =
  `update "agents" set "last_seen_at" = ?, "level" = ?, "key_group" = ?,` +
  ` "clock_offset_ms" = coalesce(?, "clock_offset_ms") where "id" = ?`;

/** One by one, so that what a whole fleet notes never holds up an answer for longer than a commit takes. */
async function noteSeen(store: Store, seen: readonly LastSeen[]): Promise<void> {
  await Promise.all(
    seen.map(({ id, atMs, level, group, clockOffsetMs = null, isClaim = false }) =>
      store.run(isClaim ? `${NOTE_SEEN} and ${IS_CLAIM}` : NOTE_SEEN, [
        atMs,
        level,
        group,
        clockOffsetMs,
        id,
      ]),
    ),
  );
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
    refuseClaim({ id, state: row.state }, "revoked");
    await endIdentity(trx, id, atMs);
    await deps.audit.append(trx, { action: "agent.revoked", actor, subject: `agent:${id}` });
  });
}

function notFound(id: string): TautlineError {
  return new TautlineError("api.not_found", { detail: { thing: "agent", id, noun: "agents" } });
}

function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
