import type { Reader, Writer } from "../store/store.ts";
import type { KeyTable, KeyVersionTable } from "../store/key-tables.ts";
import { dependingUses, type KnownUse } from "./dependence-rule.ts";
import type { VersionState } from "./rotation-rule.ts";

/** A live version as lists show it. */
export interface KeyVersionView {
  readonly version: number;
  readonly state: VersionState;
  /** Why its text is weak; null where nothing speaks against it. */
  readonly weakness: string | null;
  readonly createdAt: string;
  readonly createdBy: string;
  /** How many agents used it last and would be cut off with it. */
  readonly agents: number;
}

/** A key as lists show it. */
export interface KeyView {
  readonly name: string;
  readonly id: string;
  readonly namespace: string;
  /** The one agent it was given to; null for a key of the whole namespace. */
  readonly agent: string | null;
  /** Whether any of its versions is weak. */
  readonly weak: boolean;
  readonly versions: readonly KeyVersionView[];
  readonly createdAt: string;
  readonly createdBy: string;
  readonly lastUsedAt: string | null;
}

/** The last use that an agent made of a key. */
export interface KeyUseView {
  /** As it called itself. */
  readonly agent: string;
  readonly version: number;
  readonly level: "basic" | "advanced";
  readonly remoteAddress: string;
  readonly at: string;
  /** It would be cut off with that version. */
  readonly depends: boolean;
}

/** A key with who used it. */
export interface KeyPage extends KeyView {
  /** The latest first, at most `USES_SHOWN`. */
  readonly uses: readonly KeyUseView[];
}

/** Uses that a page shows. */
export const USES_SHOWN = 1_000;

/** A use as it is read, with what the rule of dependence asks for. */
export interface RecordedUse extends KnownUse {
  readonly level: "basic" | "advanced";
  readonly remoteAddress: string;
}

/**
 * Reads every key.
 *
 * @param db the database
 */
export async function readKeyViews(db: Reader): Promise<KeyView[]> {
  const keys = await db.selectFrom("keys").selectAll().orderBy("name").execute();
  const versions = await db.selectFrom("key_versions").selectAll().orderBy("version").execute();
  const uses = await readUses(db);
  const versionsOf = Map.groupBy(versions, ({ key_name }) => key_name);
  const usesOf = Map.groupBy(uses, ({ key }) => key);
  const depending = Map.groupBy(dependingUses(uses), ({ key }) => key);
  return keys.map((key) =>
    viewOf(key, versionsOf.get(key.name) ?? [], {
      all: usesOf.get(key.name) ?? [],
      depending: depending.get(key.name) ?? [],
    }),
  );
}

/**
 * Reads one key and who used it.
 *
 * @param db the database
 * @param name of the key
 * @returns undefined where there is none
 */
export async function readKeyPage(db: Reader, name: string): Promise<KeyPage | undefined> {
  const view = (await readKeyViews(db)).find((each) => each.name === name);
  if (view === undefined) return undefined;
  const uses = await readUses(db);
  const depending = new Set(dependingUses(uses));
  const own = uses
    .filter(({ key }) => key === name)
    .toSorted((left, right) => right.usedAtMs - left.usedAtMs)
    .slice(0, USES_SHOWN);
  const shown = own.map((use) => ({
    agent: use.agentId,
    version: use.version,
    level: use.level,
    remoteAddress: use.remoteAddress,
    at: time(use.usedAtMs),
    depends: depending.has(use),
  }));
  return { ...view, uses: shown };
}

/**
 * Lists the agents that would be cut off with a key, or with one version of it.
 *
 * @param db the database, or the transaction that decides
 * @param name of the key
 * @param version undefined: any
 */
export async function readDependents(
  db: Reader | Writer,
  name: string,
  version?: number,
): Promise<string[]> {
  return dependingUses(await readUses(db))
    .filter((use) => use.key === name && (version === undefined || use.version === version))
    .map(({ agentId }) => agentId)
    .toSorted();
}

async function readUses(db: Reader | Writer): Promise<RecordedUse[]> {
  const rows = await db
    .selectFrom("key_uses")
    .leftJoin("agents", "agents.id", "key_uses.agent_id")
    .leftJoin("deleted_agents", "deleted_agents.id", "key_uses.agent_id")
    .select(["key_name", "key_uses.version", "key_uses.agent_id", "key_uses.level as used_level"])
    .select(["remote_address", "used_at", "agents.state", "agents.level", "agents.last_seen_at"])
    .select("deleted_agents.id as deleted_id")
    .execute();
  return rows.map((row) => ({
    key: row.key_name,
    version: row.version,
    agentId: row.agent_id,
    level: row.used_level,
    remoteAddress: row.remote_address,
    usedAtMs: row.used_at,
    agent:
      row.state === null
        ? undefined
        : { state: row.state, level: row.level, lastSeenAtMs: row.last_seen_at },
    isDeleted: row.deleted_id !== null,
  }));
}

function viewOf(
  key: KeyTable,
  versions: readonly KeyVersionTable[],
  uses: { readonly all: readonly KnownUse[]; readonly depending: readonly KnownUse[] },
): KeyView {
  const lastUsedMs = uses.all.reduce((last, { usedAtMs }) => Math.max(last, usedAtMs), 0);
  return {
    name: key.name,
    id: key.id,
    namespace: key.namespace,
    agent: key.agent_id,
    weak: versions.some(({ weakness }) => weakness !== null),
    versions: versions.map(({ version, state, weakness, created_at, created_by }) => ({
      version,
      state,
      weakness,
      createdAt: time(created_at),
      createdBy: created_by,
      agents: uses.depending.filter((use) => use.version === version).length,
    })),
    createdAt: time(key.created_at),
    createdBy: key.created_by,
    lastUsedAt: uses.all.length === 0 ? null : time(lastUsedMs),
  };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
