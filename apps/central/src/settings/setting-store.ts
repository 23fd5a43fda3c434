import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import {
  AGENT_SETTINGS_FILE,
  type AgentConfigMap,
  AgentConfigMapSchema,
  canonicalConfigMap,
  parseAgentSettings,
  TautlineError,
} from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Reader, Store, Writer } from "../store/store.ts";
import { requireSetting, requireTogether, type Setting, settingsDocument } from "./setting-rule.ts";

/** What agents of a namespace shall run: OpAMP's config map and the SHA-256 of its canonical bytes. */
export interface WantedSettings {
  readonly configMap: AgentConfigMap;
  readonly hash: Buffer;
  /** The same in lower-case hex. */
  readonly hashHex: string;
  /** Nothing is set: agents that were never given settings need not be given these. */
  readonly isEmpty: boolean;
}

/** The settings that central gives to agents. */
export interface SettingStore {
  list(namespace?: string): Promise<Setting[]>;
  /** @throws api.invalid, api.not_found for an unknown namespace */
  put(setting: Setting, actor: string): Promise<void>;
  /** @throws api.not_found */
  remove(namespace: string, key: string, actor: string): Promise<void>;
  /** What agents of the namespace shall run. */
  wanted(namespace: string): Promise<WantedSettings>;
  /** How often they are to say that they are alive, in milliseconds. */
  heartbeatMs(namespace: string): Promise<number>;
}

/** What the settings need. */
export interface SettingStoreDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly now: () => number;
  /** Told after a change is on the disk; empty means every namespace. */
  readonly onChange: (namespace: string) => void;
}

/**
 * Opens the settings given to agents.
 *
 * @param deps store, trail, clock, and who is told of changes
 */
export function createSettingStore(deps: SettingStoreDeps): SettingStore {
  const { store } = deps;
  const all = (): Promise<Setting[]> => store.read((db) => allSettings(db));
  const wanted = createWantedMemory(all);
  const changed = { ...deps, onChange: forgetting(wanted, deps.onChange) };
  return {
    list: async (namespace) =>
      (await all()).filter((setting) => namespace === undefined || setting.namespace === namespace),
    put: (setting, actor) => putSetting(changed, setting, actor),
    remove: (namespace, key, actor) => removeSetting(changed, { namespace, key, value: "" }, actor),
    wanted: (namespace) => wanted.of(namespace),
    heartbeatMs: async (namespace) =>
      parseAgentSettings(settingsDocument(await all(), namespace)).heartbeatSeconds * 1_000,
  };
}

/** What agents of each namespace shall run: looked up and hashed once, not for every message of every agent. */
interface WantedMemory {
  of(namespace: string): Promise<WantedSettings>;
  forget(): void;
}

function createWantedMemory(all: () => Promise<Setting[]>): WantedMemory {
  let known = new Map<string, WantedSettings>();
  return {
    of: async (namespace) => {
      const found = known.get(namespace);
      if (found !== undefined) return found;
      // What was read before a change must not be remembered after it.
      const memory = known;
      const read = wantedSettings(settingsDocument(await all(), namespace));
      memory.set(namespace, read);
      return read;
    },
    forget: () => void (known = new Map()),
  };
}

function forgetting(memory: WantedMemory, onChange: SettingStoreDeps["onChange"]) {
  return (namespace: string): void => {
    memory.forget();
    onChange(namespace);
  };
}

function allSettings(db: Reader | Writer): Promise<Setting[]> {
  return db
    .selectFrom("settings")
    .select(["namespace", "key", "value"])
    .orderBy("namespace")
    .orderBy("key")
    .execute();
}

function wantedSettings(document: string): WantedSettings {
  const body = new TextEncoder().encode(document);
  const configMap = create(AgentConfigMapSchema, {
    configMap: { [AGENT_SETTINGS_FILE]: { body, contentType: "application/json" } },
  });
  const hash = createHash("sha256").update(canonicalConfigMap(configMap)).digest();
  return { configMap, hash, hashHex: hash.toString("hex"), isEmpty: document === "{}" };
}

async function putSetting(deps: SettingStoreDeps, setting: Setting, actor: string): Promise<void> {
  requireSetting(setting.key, setting.value);
  await deps.store.write(async (trx) => {
    await requireNamespace(trx, setting.namespace);
    const row = { ...setting, changed_at: deps.now() };
    await trx
      .insertInto("settings")
      .values(row)
      .onConflict((conflict) => conflict.columns(["namespace", "key"]).doUpdateSet(row))
      .execute();
    const namespaces = await namespacesOf(trx, setting.namespace);
    requireTogether(await allSettings(trx), namespaces, setting.key);
    await auditChange(deps, trx, setting, actor);
  });
  deps.onChange(setting.namespace);
}

async function removeSetting(
  deps: SettingStoreDeps,
  setting: Setting,
  actor: string,
): Promise<void> {
  await deps.store.write(async (trx) => {
    const removed = await trx
      .deleteFrom("settings")
      .where("namespace", "=", setting.namespace)
      .where("key", "=", setting.key)
      .executeTakeFirst();
    if (removed.numDeletedRows === 0n) {
      throw new TautlineError("api.not_found", {
        detail: { thing: "setting", id: setting.key, noun: "settings" },
      });
    }
    await auditChange(deps, trx, setting, actor);
  });
  deps.onChange(setting.namespace);
}

async function auditChange(
  deps: SettingStoreDeps,
  trx: Writer,
  setting: Setting,
  actor: string,
): Promise<void> {
  const subject = setting.namespace === "" ? "every namespace" : `namespace:${setting.namespace}`;
  const detail = { key: setting.key, value: setting.value };
  await deps.audit.append(trx, { action: "setting.changed", actor, subject, detail });
}

/** The namespaces a setting is for; empty means every one. */
async function namespacesOf(trx: Writer, namespace: string): Promise<string[]> {
  if (namespace !== "") return [namespace];
  const rows = await trx.selectFrom("namespaces").select("name").execute();
  return rows.map((row) => row.name);
}

async function requireNamespace(trx: Writer, name: string): Promise<void> {
  if (name === "") return;
  const known = await trx
    .selectFrom("namespaces")
    .select("name")
    .where("name", "=", name)
    .executeTakeFirst();
  if (known !== undefined) return;
  throw new TautlineError("api.not_found", {
    detail: { thing: "namespace", id: name, noun: "namespaces" },
  });
}
