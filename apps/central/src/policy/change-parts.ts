import type { Listeners } from "../listeners/listeners.ts";
import type { ListenerSettings } from "../listeners/listener-settings.ts";
import type { LevelOrders } from "../moves/level-orders.ts";
import type { Store } from "../store/store.ts";
import type { ChangeDeps, ChangeListeners, ChangePolicies } from "./change-deps.ts";
import { createPolicyChanges, type PolicyChanges } from "./change-engine.ts";
import { heardOf, stepsTo } from "./heard-rule.ts";
import { readLinked } from "./linked-agents.ts";
import type { Policies } from "./policies.ts";

/** The parts of central that changes of policy work on. */
export interface ChangeParts extends Pick<ChangeDeps, "store" | "audit" | "log" | "now" | "plan"> {
  readonly moves: LevelOrders;
  readonly policies: Policies;
  readonly settings: () => ListenerSettings;
  readonly listeners: Pick<Listeners, "set">;
}

/**
 * Makes the engine of changes on central's parts.
 *
 * @param parts what they work on
 */
export function policyChangesOn(parts: ChangeParts): PolicyChanges {
  const { store, moves } = parts;
  return createPolicyChanges({
    ...parts,
    orders: moves,
    policies: policiesForChanges(parts.policies),
    listeners: listenersForChanges(parts),
    linked: () => readLinked(store),
    namespaces: () => namespacesOf(store),
  });
}

/**
 * The policies that hold, as changes see and set them.
 *
 * @param policies on the disk and in memory
 */
export function policiesForChanges({ stored, book }: Policies): ChangePolicies {
  return {
    policyAt: (namespace, kind) =>
      book.policies().find((set) => set.namespace === namespace && set.kind === kind)?.policy,
    exceptionAt: (agentId, kind) => book.exceptionOf(agentId, kind),
    exceptions: () => book.exceptions(),
    needed: () => book.neededLevels(),
    loopback: () => (book.keepsLoopback() ? "keep" : "off"),
    set: (trx, order) => stored.setPolicy(trx, order),
    except: (trx, exception) => stored.addException(trx, exception),
    endException: async (trx, which) => void (await stored.removeException(trx, which)),
    follow: () => book.look(),
  };
}

/**
 * Central's ports, as changes see and set them.
 *
 * @param deps what they are set to, and how they are changed
 */
export function listenersForChanges({
  settings,
  listeners,
}: {
  readonly settings: () => ListenerSettings;
  readonly listeners: Pick<Listeners, "set">;
}): ChangeListeners {
  return {
    heard: () => heardOf(settings()),
    go: async (then, actor) => {
      for (const { name, change } of stepsTo(heardOf(settings()), then)) {
        await listeners.set(name, change, actor);
      }
    },
  };
}

/**
 * The namespaces there are, by name.
 *
 * @param store central's database
 */
export async function namespacesOf(store: Store): Promise<readonly string[]> {
  const rows = await store.read((db) =>
    db.selectFrom("namespaces").select("name").orderBy("name").execute(),
  );
  return rows.map(({ name }) => name);
}
