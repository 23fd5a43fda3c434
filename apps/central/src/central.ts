import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  createLog,
  logFindings,
  type Logger,
  type OldFinding,
  type Part,
  type Running,
  startParts,
} from "@tautline/daemon";
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
import type { CentralConfig, CentralFlags } from "./config.ts";
import { openFolderIdentity } from "./data-folder.ts";
import { assemble, type Assembly } from "./assembly.ts";
import { leftBehind } from "./history/left-behind.ts";
import { createAuditLog } from "./audit/audit-log.ts";
import { openAuditTrail } from "./audit/audit-trail.ts";
import { openStore, type Store } from "./store/store.ts";
import type { Policies } from "./policy/policies.ts";
import { openServerFiles } from "./tls-files/server-files.ts";
import { databaseHeaderStore } from "./store/vault-header-store.ts";
import { VERSION } from "./version.ts";

/** What central is started with. */
export interface CentralOptions {
  readonly config: CentralConfig;
  /** Texts of keys by name that came with an old settings file and stand in no file of their own. */
  readonly keyTexts?: ReadonlyMap<string, string>;
  /** What was noticed in an old settings file; it goes to the log. */
  readonly findings?: readonly OldFinding[];
  /** What of it the command line said: that stands above what was set while central ran. */
  readonly flags?: CentralFlags;
  readonly dataDir: string;
  /** Value of the vault's environment variable, if it is set. */
  readonly vaultPassphrase: string | undefined;
  readonly now: () => number;
  /** Uniform in [0, 1); chance itself unless told. */
  readonly random?: () => number;
  readonly log?: Logger;
}

const DATABASE = "central.db";
const VAULT_KEY = "vault.key";

/** A central that runs. */
export interface Central {
  readonly agentsAddress: HostPort;
  /** Undefined where plaintext is not accepted. */
  readonly plaintextAddress: HostPort | undefined;
  readonly consoleAddress: HostPort;
  /** What is asked of links, for whoever runs central in its own process. */
  readonly policies: Policies;
  stop(): Promise<void>;
}

/**
 * Starts central on a data folder: store, vault, authority, then its listeners; stops them in reverse.
 *
 * @param options settings, folder, clock
 * @throws store.*, vault.*, central.*, files.* : it refuses to start rather than run weaker than told
 */
export async function startCentral(options: CentralOptions): Promise<Central> {
  const { config, keyTexts, dataDir, now, flags = {} } = options;
  const log = options.log ?? createLog("central", config.log.level);
  logFindings(log, options.findings ?? []);
  ensurePrivateFolder(dataDir);
  refuseLostDatabase(dataDir);
  const tlsFiles = openServerFiles({ config, dataDir });
  const store = await openStore(join(dataDir, DATABASE));
  let vault: Vault | undefined;
  try {
    vault = await openCentralVault(options, store);
    const audit = createAuditLog(store, now);
    const { trustDomain, centralId } = await openFolderIdentity(store, config.trustDomain);
    const lifetimes = config.certificates;
    const authority = await openAuthority({ store, vault, audit, now, trustDomain, lifetimes });
    const folder = { config, flags, dataDir, centralId, tlsFiles };
    const opened = { ...folder, store, vault, audit, authority, log, now };
    const trail = await openAuditTrail(opened);
    const random = options.random ?? Math.random;
    const assembly = await assemble({ ...opened, trail, random, keyTexts });
    return await run(assembly, { store, vault, log });
  } catch (error) {
    vault?.close();
    await store.close();
    throw error;
  }
}

/** The database comes before the key that seals it: a key alone means that the database was lost, not that this is a first start. */
function refuseLostDatabase(dataDir: string): void {
  if (existsSync(join(dataDir, DATABASE)) || !existsSync(join(dataDir, VAULT_KEY))) return;
  throw new TautlineError("central.database_missing", { detail: { dataDir } });
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
      generatedKeyFileSource(join(dataDir, VAULT_KEY)),
    ],
    store: databaseHeaderStore(store),
    // Sealed keys without a header mean a lost header, never a first start.
    mayCreate: authorities.length === 0,
  });
}

async function run(
  assembly: Assembly,
  opened: { readonly store: Store; readonly vault: Vault; readonly log: Logger },
): Promise<Central> {
  const { state } = assembly;
  const running: Running = await startParts(listParts(assembly, opened), (part, error) =>
    opened.log.error({ err: error, part }, "a part did not stop cleanly"),
  );
  const { agents, plaintext, console: console_ } = state;
  if (agents === undefined || console_ === undefined)
    throw new TautlineError("internal.unexpected");
  const { log } = opened;
  log.info({ version: VERSION, agents, plaintext, console: console_ }, "central is ready");
  const stop = async (): Promise<void> => {
    await running.stop();
    log.info("central has stopped");
  };
  const at = { agentsAddress: agents, plaintextAddress: plaintext, consoleAddress: console_ };
  return { ...at, policies: assembly.policies, stop };
}

/** What was done while central ran stands between its start and its end. */
function trailPart({ audit, trail: { keeper } }: Pick<Assembly, "audit" | "trail">): Part {
  const central = { actor: "central", subject: "central" };
  return {
    name: "trail",
    start: () => audit.record({ action: "central.started", ...central }),
    stop: async () => {
      await audit.record({ action: "central.stopped", ...central });
      await keeper.stop();
      await keeper.sign();
    },
  };
}

/** Central's parts: started in this order, stopped in reverse. */
function listParts(
  assembly: Assembly,
  { store, vault }: { readonly store: Store; readonly vault: Vault },
): Part[] {
  const { agentsListener, receiverListener, consoleListener, adminSocket } = assembly;
  const { trail, revocationSettled, herd, keyUses, forwards, live, links } = assembly;
  const { timers, state } = assembly;
  const { recorder } = assembly.history;
  return [
    { name: "store", stop: () => store.close() },
    { name: "vault", stop: () => vault.close() },
    trailPart(assembly),
    {
      name: "links",
      start: async () => {
        recorder.resumed((await links.own()).map(leftBehind));
        await links.closeAll();
      },
      stop: () => links.closeAll(),
    },
    { name: "revocation", stop: () => revocationSettled() },
    { name: "history", stop: () => recorder.flush("everything") },
    { name: "key uses", stop: () => keyUses.flush() },
    { name: "use of forwards", stop: () => forwards.flushUse() },
    { name: "timers", start: () => timers.start(), stop: () => timers.stop() },
    {
      name: "console",
      start: async () => {
        state.console = await consoleListener.start();
      },
      stop: () => consoleListener.stop(),
    },
    {
      name: "agents",
      start: () => agentsListener.start(),
      stop: async () => {
        state.isStopping = true;
        live.endAll((links) => herd.goodbye(links));
        forwards.service.announceClose(new TautlineError("central.stopping"));
        await agentsListener.stop();
        await live.flush();
      },
    },
    {
      name: "receiver",
      start: () => receiverListener.start(),
      stop: () => receiverListener.stop(),
    },
    { name: "admin socket", start: () => adminSocket.start(), stop: () => adminSocket.stop() },
    { name: "exports", stop: () => trail.exporter.stop() },
    { name: "operators' streams", stop: () => forwards.services.stop() },
  ];
}
