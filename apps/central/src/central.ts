import { join } from "node:path";
import { createLog, type Logger, type Part, type Running, startParts } from "@tautline/daemon";
import type { HostPort } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";
import {
  ensurePrivateFolder,
  environmentSource,
  generatedKeyFileSource,
  openVault,
  passphraseFileSource,
  type Vault,
} from "@tautline/vault";
import { openAuthority } from "./authority/authority.ts";
import type { CentralConfig } from "./config.ts";
import { openFolderIdentity } from "./data-folder.ts";
import { assemble, type Assembly } from "./assembly.ts";
import { createAuditLog } from "./audit/audit-log.ts";
import { openStore, type Store } from "./store/store.ts";
import { databaseHeaderStore } from "./store/vault-header-store.ts";

export interface CentralOptions {
  readonly config: CentralConfig;
  readonly dataDir: string;
  /** Value of the vault's environment variable, if it is set. */
  readonly vaultPassphrase: string | undefined;
  readonly now: () => number;
  readonly log?: Logger;
}

/** A central that runs. */
export interface Central {
  readonly agentsAddress: HostPort;
  readonly consoleAddress: HostPort;
  stop(): Promise<void>;
}

/**
 * Starts central on a data folder: store, vault, authority, then its listeners; stops them in reverse.
 *
 * @param options settings, folder, clock
 * @throws store.*, vault.*, central.* : it refuses to start rather than run weaker than told
 */
export async function startCentral(options: CentralOptions): Promise<Central> {
  const { config, dataDir, now } = options;
  const log = options.log ?? createLog("central", config.log.level);
  ensurePrivateFolder(dataDir);
  const store = await openStore(join(dataDir, "central.db"));
  let vault: Vault | undefined;
  try {
    vault = await openCentralVault(options, store);
    const audit = createAuditLog(store, now);
    const { trustDomain, centralId } = await openFolderIdentity(store, config.trustDomain);
    const lifetimes = config.certificates;
    const authority = await openAuthority({ store, vault, audit, now, trustDomain, lifetimes });
    const assembly = await assemble({
      config,
      dataDir,
      centralId,
      store,
      vault,
      audit,
      authority,
      log,
      now,
    });
    return await run(assembly, { store, vault, log });
  } catch (error) {
    vault?.close();
    await store.close();
    throw error;
  }
}

async function openCentralVault(
  { config, dataDir, vaultPassphrase }: CentralOptions,
  store: Store,
): Promise<Vault> {
  const { environmentVariable, passphraseFile } = config.vault;
  const authorities = await store.read((db) =>
    db.selectFrom("authorities").select("id").limit(1).execute(),
  );
  return openVault({
    sources: [
      environmentSource(environmentVariable, vaultPassphrase),
      ...(passphraseFile === undefined ? [] : [passphraseFileSource(passphraseFile)]),
      generatedKeyFileSource(join(dataDir, "vault.key")),
    ],
    store: databaseHeaderStore(store),
    // Sealed keys without a header mean a lost header, never a first start.
    mayCreate: authorities.length === 0,
  });
}

async function run(
  assembly: Assembly,
  { store, vault, log }: { store: Store; vault: Vault; log: Logger },
): Promise<Central> {
  const { agentsListener, consoleListener, adminSocket, live, audit } = assembly;
  let agentsAddress: HostPort | undefined;
  let consoleAddress: HostPort | undefined;
  const parts: Part[] = [
    { name: "store", stop: () => store.close() },
    { name: "vault", stop: () => vault.close() },
    {
      name: "trail",
      start: () =>
        audit.record({ action: "central.started", actor: "central", subject: "central" }),
      stop: () => audit.record({ action: "central.stopped", actor: "central", subject: "central" }),
    },
    {
      name: "links",
      start: () => assembly.links.closeAll(),
      stop: () => assembly.links.closeAll(),
    },
    { name: "timers", start: () => assembly.timers.start(), stop: () => assembly.timers.stop() },
    {
      name: "console",
      start: async () => {
        consoleAddress = await consoleListener.start();
        assembly.addresses.console = consoleAddress;
      },
      stop: () => consoleListener.stop(),
    },
    {
      name: "agents",
      start: async () => {
        agentsAddress = await agentsListener.start();
        assembly.addresses.agents = agentsAddress;
      },
      stop: async () => {
        assembly.stopping.value = true;
        live.endAll(new TautlineError("central.stopping"));
        await agentsListener.stop();
        await live.flush();
      },
    },
    { name: "admin socket", start: () => adminSocket.start(), stop: () => adminSocket.stop() },
  ];
  const running: Running = await startParts(parts, (part, error) =>
    log.error({ err: error, part }, "did not stop cleanly"),
  );
  if (agentsAddress === undefined || consoleAddress === undefined)
    throw new TautlineError("internal.unexpected");
  return { agentsAddress, consoleAddress, stop: () => running.stop() };
}
