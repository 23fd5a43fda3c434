import type { Logger } from "@tautline/daemon";
import type { CertificateAuthority } from "../authority/authority.ts";
import type { CentralConfig } from "../config.ts";
import { type AuditKeyDeps, openAuditKey } from "./audit-key.ts";
import { type CheckpointKeeper, openCheckpointKeeper } from "./checkpoint-keeper.ts";
import { createForkStore, type ForkStore } from "./fork-store.ts";
import { createTrailExporter, type TrailExporter } from "./trail-export.ts";
import { type AuditVerdict, verifyTrail } from "./trail-verdict.ts";
import { createWitness, type Witness } from "./witness.ts";

/** Everything that makes the trail checkable from outside: checkpoints, witnesses, exports. */
export interface AuditTrail {
  readonly keeper: CheckpointKeeper;
  readonly witness: Witness;
  readonly forks: ForkStore;
  readonly exporter: TrailExporter;
  /** @throws store.* */
  verify(): Promise<AuditVerdict>;
}

/** What opening the trail needs. */
export interface AuditTrailDeps extends AuditKeyDeps {
  readonly config: Pick<CentralConfig, "audit">;
  readonly authority: Pick<CertificateAuthority, "certifyAuditKey" | "root" | "trustDomain">;
  readonly log: Logger;
}

/** One answer follows for so long. */
const FOLLOW_MS = 60_000;

/**
 * Opens the trail of a central, making its signing key on the first start.
 *
 * @param deps what was opened already
 * @throws vault.field_damaged, store.*
 */
export async function openAuditTrail(deps: AuditTrailDeps): Promise<AuditTrail> {
  const { store, audit, authority, centralId, config } = deps;
  const { root, trustDomain } = authority;
  const key = await openAuditKey(deps);
  const everyEntries = config.audit.checkpointEntries;
  const keeper = await openCheckpointKeeper({ ...deps, key, trustDomain, everyEntries });
  const forks = createForkStore(deps);
  const owner = { trustDomain, centralId, root };
  const watch = (onNews: () => void): (() => void) => {
    const ends = [audit.watch(onNews), keeper.watch(onNews)];
    return () => {
      for (const end of ends) end();
    };
  };
  return {
    keeper,
    forks,
    witness: createWitness({ ...deps, keeper, forks, root, trustDomain }),
    exporter: createTrailExporter({ ...owner, store, watch, followMs: FOLLOW_MS }),
    verify: () => verifyTrail(store, owner),
  };
}
