import type { Logger } from "@tautline/daemon";
import { basicPsk } from "@tautline/link";
import { formatKeyIdentity, isTautlineError } from "@tautline/protocol";
import type { Vault } from "@tautline/vault";
import { readCounter } from "../store/counter.ts";
import type { Store } from "../store/store.ts";
import type { KeyRing, LiveKey } from "./key-ring.ts";
import type { KeyUses } from "./key-uses.ts";

/** The ring, and how it follows the database. */
export interface MemoryRing extends KeyRing {
  /**
   * Reads the keys anew where any process on this database has changed one; cheap where none has.
   *
   * @returns whether something that opened links opens none any more
   * @throws store.*
   */
  refresh(): Promise<boolean>;
}

/** What the ring needs. */
export interface MemoryRingDeps {
  readonly store: Store;
  readonly vault: Vault;
  readonly uses: Pick<KeyUses, "note">;
  readonly log: Logger;
}

/** A live version and the key that it is one of: keys that bear one name after another are different. */
interface Held {
  readonly id: string;
  readonly key: LiveKey;
}

/**
 * Makes the ring of all live keys, held in memory; it is empty until its first `refresh`.
 *
 * @param deps database, vault and notebook of uses
 */
export function createMemoryRing(deps: MemoryRingDeps): MemoryRing {
  let seen: number | undefined;
  let byName = new Map<string, LiveKey[]>();
  let held = new Map<string, Held>();
  return {
    find: ({ name, version }) => {
      const live = byName.get(name) ?? [];
      return version === undefined ? live : live.filter((key) => key.version === version);
    },
    noteUse: (key, use) => deps.uses.note(key, use),
    refresh: async () => {
      const changes = await readCounter(deps.store, "keys");
      if (changes === seen) return false;
      const before = held;
      held = await readKeys(deps, before);
      byName = Map.groupBy(
        [...held.values()].map(({ key }) => key).toSorted(inUseFirst),
        ({ name }) => name,
      );
      // Counted before the rows were read: what changed meanwhile is read again at the next turn.
      seen = changes;
      return [...before].some(([identity, { id }]) => held.get(identity)?.id !== id);
    },
  };
}

function inUseFirst(left: LiveKey, right: LiveKey): number {
  return Number(right.isInUse) - Number(left.isInUse);
}

async function readKeys(
  { store, vault, log }: MemoryRingDeps,
  before: ReadonlyMap<string, Held>,
): Promise<Map<string, Held>> {
  const rows = await store.read((db) =>
    db
      .selectFrom("key_versions")
      .innerJoin("keys", "keys.name", "key_versions.key_name")
      .select(["keys.id", "keys.name", "keys.namespace", "keys.agent_id"])
      .select(["key_versions.version", "key_versions.state", "key_versions.sealed_key"])
      .execute(),
  );
  const held = new Map<string, Held>();
  for (const { id, name, namespace, agent_id, version, state, sealed_key } of rows) {
    const identity = formatKeyIdentity({ name, version });
    const known = before.get(identity);
    const facts = { name, version, namespace, isInUse: state === "current" };
    try {
      const secrets =
        known?.id === id
          ? known.key
          : secretsOf(vault.open(sealedKeyPlace(name, version), sealed_key));
      const { sharedKey, basicPsk: psk } = secrets;
      const agentId = agent_id ?? undefined;
      held.set(identity, { id, key: { ...facts, agentId, sharedKey, basicPsk: psk } });
    } catch (error) {
      if (!isTautlineError(error)) throw error;
      // One that cannot be read opens nothing; the others still do.
      log.error({ err: error, identity }, "a shared key cannot be read and opens no link");
    }
  }
  return held;
}

function secretsOf(sharedKey: Buffer): Pick<LiveKey, "sharedKey" | "basicPsk"> {
  return { sharedKey, basicPsk: basicPsk(sharedKey) };
}

/** For which place in the database the vault seals a version: no other opens it. */
export function sealedKeyPlace(name: string, version: number) {
  return {
    table: "key_versions",
    row: formatKeyIdentity({ name, version }),
    column: "sealed_key",
  };
}
