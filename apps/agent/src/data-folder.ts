import { join } from "node:path";

/** The files of an agent's data folder (folder 0700, files 0600). */
export interface DataFolder {
  readonly path: string;
  /** Local settings for people; optional. */
  readonly config: string;
  /** Machine-kept state: identity, keys, last instruction. */
  readonly settings: string;
  /** State of an agent that runs without an identity; there until a join is proven. */
  readonly legacy: string;
  readonly vaultHeader: string;
  /** Generated key of the vault, where no passphrase was given. */
  readonly vaultKey: string;
  readonly audit: string;
  /** What is remembered of central's audit trail. */
  readonly auditHead: string;
  /** Status socket; answers only while the agent runs. */
  readonly socket: string;
  /** Held by the one agent that may use the folder. */
  readonly lock: string;
}

/**
 * Names the files of a data folder; touches nothing.
 *
 * @param path the folder
 */
export function dataFolder(path: string): DataFolder {
  return {
    path,
    config: join(path, "agent.yaml"),
    settings: join(path, "settings.json"),
    legacy: join(path, "legacy.json"),
    vaultHeader: join(path, "vault.json"),
    vaultKey: join(path, "vault.key"),
    audit: join(path, "audit.jsonl"),
    auditHead: join(path, "audit-head.json"),
    socket: join(path, "agent.sock"),
    lock: join(path, "agent.lock"),
  };
}
