import type { Logger } from "@tautline/daemon";
import type { Vault } from "@tautline/vault";
import type { AuditLog } from "../audit/audit-log.ts";
import type { LiveLinks } from "../control/live-links.ts";
import type { OpenConnections } from "../control/open-connections.ts";
import type { Store } from "../store/store.ts";
import { createKeyStore, type KeyStore } from "./key-store.ts";
import { createKeyUses, type KeyUses } from "./key-uses.ts";
import { createKeyWatch, type KeyWatch } from "./key-watch.ts";
import { createMemoryRing, type MemoryRing } from "./memory-ring.ts";

/** The keys as callers are judged by them. */
export interface OpenedRing {
  readonly ring: MemoryRing;
  readonly uses: KeyUses;
}

/** What the ring is opened on. */
export interface OpenRingDeps {
  readonly store: Store;
  readonly vault: Vault;
  readonly log: Logger;
  readonly now: () => number;
}

/**
 * Opens the ring with every live key in it.
 *
 * @param deps database, vault, log and clock
 * @throws store.*
 */
export async function openKeyRing(deps: OpenRingDeps): Promise<OpenedRing> {
  const uses = createKeyUses(deps);
  const ring = createMemoryRing({ ...deps, uses });
  await ring.refresh();
  return { ring, uses };
}

/** The keys as operators change them, and as this process follows. */
export interface Keys {
  readonly keys: KeyStore;
  readonly watch: KeyWatch;
}

/** What ties them together. */
export interface KeysDeps extends OpenRingDeps, OpenedRing {
  readonly audit: AuditLog;
  readonly live: Pick<LiveLinks, "all">;
  readonly connections: Pick<OpenConnections, "all" | "judgeAgain">;
}

/**
 * Ties the keys to the links that they opened.
 *
 * @param deps the ring, what was opened, and this process's links
 */
export function createKeys(deps: KeysDeps): Keys {
  const watch = createKeyWatch(deps);
  const onChanged = (): Promise<void> =>
    // Changed it is; what this process did not see now it sees in a second.
    watch
      .look()
      .catch((error: unknown) => deps.log.error({ err: error }, "keys were not looked at"));
  return { keys: createKeyStore({ ...deps, onChanged }), watch };
}
