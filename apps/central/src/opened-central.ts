import type { Logger } from "@tautline/daemon";
import type { HostPort } from "@tautline/link";
import type { Vault } from "@tautline/vault";
import type { AuditLog } from "./audit/audit-log.ts";
import type { AuditTrail } from "./audit/audit-trail.ts";
import type { CertificateAuthority } from "./authority/authority.ts";
import type { CentralConfig, CentralFlags } from "./config.ts";
import type { KeyRing } from "./keys/key-ring.ts";
import type { Store } from "./store/store.ts";

/** A data folder that was opened, and what central is built on it with. */
export interface OpenedCentral {
  readonly config: CentralConfig;
  /** What of it the command line said. */
  readonly flags: CentralFlags;
  readonly dataDir: string;
  readonly centralId: string;
  readonly store: Store;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly trail: AuditTrail;
  readonly authority: CertificateAuthority;
  readonly log: Logger;
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** The same with what its listeners need besides. */
export interface ListeningCentral extends OpenedCentral {
  readonly keys: KeyRing;
}

/** What changes while central runs. */
export interface CentralState {
  /** Where agents dial; known when that port listens. */
  agents?: HostPort | undefined;
  /** Where plaintext is spoken; undefined where it is not. */
  plaintext?: HostPort | undefined;
  /** Where console and API are; known when that port listens. */
  console?: HostPort;
  isStopping: boolean;
}
