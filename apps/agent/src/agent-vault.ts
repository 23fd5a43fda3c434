import {
  environmentSource,
  fileHeaderStore,
  generatedKeyFileSource,
  openVault,
  passphraseFileSource,
  type KeySource,
  type Vault,
} from "@tautline/vault";
import type { AgentConfig } from "./config.ts";
import type { DataFolder } from "./data-folder.ts";

/** What opening the agent's vault needs. */
export interface AgentVaultOptions {
  readonly folder: DataFolder;
  readonly config: AgentConfig;
  /** Reads one environment variable. */
  readonly readVariable: (name: string) => string | undefined;
  /** Whether a new vault may be made: only where no state is sealed yet. */
  readonly mayCreate: boolean;
}

/**
 * Opens the agent's vault by its sources in order: environment variable, passphrase file, generated key file (RS-19).
 *
 * @throws vault.* codes; a source that is present but wrong locks, it never falls through
 */
export function openAgentVault(options: AgentVaultOptions): Promise<Vault> {
  const { folder, config, readVariable, mayCreate } = options;
  const { environmentVariable, passphraseFile } = config.vault;
  const sources: KeySource[] = [
    environmentSource(environmentVariable, readVariable(environmentVariable)),
    ...(passphraseFile === undefined ? [] : [passphraseFileSource(passphraseFile)]),
    generatedKeyFileSource(folder.vaultKey),
  ];
  return openVault({ sources, store: fileHeaderStore(folder.vaultHeader), mayCreate });
}
