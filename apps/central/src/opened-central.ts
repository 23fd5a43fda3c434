import type { Logger } from "@tautline/daemon";
import type { HostPort } from "@tautline/link";
import type { Level } from "@tautline/protocol";
import type { Vault } from "@tautline/vault";
import type { AuditLog } from "./audit/audit-log.ts";
import type { AuditTrail } from "./audit/audit-trail.ts";
import type { CertificateAuthority } from "./authority/authority.ts";
import type { CentralConfig, CentralFlags } from "./config.ts";
import type { SetPorts } from "./receiver/receiver-settings.ts";
import type { Store } from "./store/store.ts";
import type { ServerFiles } from "./tls-files/server-files.ts";

/** A data folder that was opened, and what central is built on it with. */
export interface OpenedCentral {
  readonly config: CentralConfig;
  /** Texts of keys by name that came with an old settings file, in place of what `file` of `keys` says. */
  readonly keyTexts?: ReadonlyMap<string, string> | undefined;
  /** What of it the command line said. */
  readonly flags: CentralFlags;
  readonly dataDir: string;
  readonly centralId: string;
  readonly store: Store;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly trail: AuditTrail;
  readonly authority: CertificateAuthority;
  /** Certificates of an existing PKI. */
  readonly tlsFiles: ServerFiles;
  readonly log: Logger;
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** What changes while central runs. */
export interface CentralState {
  /** Where agents dial; known when that port listens. */
  agents?: HostPort | undefined;
  /** Where plaintext is spoken; undefined where it is not. */
  plaintext?: HostPort | undefined;
  /** The ports for telemetry; known when they are built. */
  telemetry?: SetPorts;
  /** Where console and API are; known when that port listens. */
  console?: HostPort;
  /** What the ports that agents dial accept now; known when they are built. */
  levels?: () => readonly Level[];
  isStopping: boolean;
}
