import { resolve } from "node:path";
import { formatHostPort, type HostPort } from "@tautline/link";
import { startCentral } from "./central.ts";
import type { OldFinding } from "@tautline/daemon";
import { loadCentralSettings } from "./config.ts";

export { centralConfigExample, centralConfigReference } from "./config.ts";

/** What `tautline central run` was told. */
export interface RunCentralOptions {
  readonly config?: string;
  readonly data?: string;
  readonly agentsPort?: number;
  readonly consolePort?: number;
  readonly host?: string;
  readonly json: boolean;
}

/** Where a run writes to, and what ends it. */
export interface RunIo {
  readonly stdout: (line: string) => void;
  /** Aborted by SIGTERM or Ctrl-C: central drains and stops. */
  readonly signal: AbortSignal;
}

/** Keys, database and socket are made for this user alone, whatever the caller's umask is (A14). */
const PRIVATE_UMASK = 0o077;

/**
 * Runs central until it is told to stop.
 *
 * @param options the command line
 * @param io standard output and the stop signal
 * @returns the exit code
 * @throws TautlineError: it refused to start
 */
export async function runCentral(options: RunCentralOptions, io: RunIo): Promise<number> {
  process.umask(PRIVATE_UMASK);
  const { agentsPort, consolePort, host } = options;
  const flags = {
    ...(agentsPort === undefined ? {} : { agentsPort }),
    ...(consolePort === undefined ? {} : { consolePort }),
    ...(host === undefined ? {} : { host }),
  };
  const loaded = loadCentralSettings(options.config, flags, (name) => process.env[name]);
  const { config, keyTexts, findings } = loaded;
  const dataDir = resolve(options.data ?? process.env["TAUTLINE_DATA"] ?? "data/central");
  const vaultPassphrase = process.env[config.vault.environmentVariable];
  // Children and crash dumps of this process need not carry the passphrase.
  delete process.env[config.vault.environmentVariable];
  const central = await startCentral({
    config,
    keyTexts,
    findings,
    dataDir,
    vaultPassphrase,
    now: Date.now,
  });
  const agents = `wss://${spoken(central.agentsAddress)}`;
  const console_ = `https://${spoken(central.consoleAddress)}`;
  if (options.json) {
    io.stdout(
      JSON.stringify({ event: "ready", agents, console: console_, plaintext: null, dataDir }),
    );
  } else {
    io.stdout(
      `Central is ready. Agents dial ${agents}; console and API at ${console_}; data in ${dataDir}.`,
    );
  }
  await aborted(io.signal);
  await central.stop();
  return 0;
}

/**
 * Checks a central.yaml without starting anything.
 *
 * @param file its path
 * @returns what was noticed in an old file
 * @throws config.unreadable, config.invalid, config.old_setting, config.old_unknown
 */
export function checkCentralConfig(file: string): readonly OldFinding[] {
  return loadCentralSettings(file).findings;
}

/** An address to dial: "any address" is spoken as this host's own. */
function spoken({ host, port }: HostPort): string {
  const isAny = host === "::" || host === "0.0.0.0";
  return formatHostPort(isAny ? "127.0.0.1" : host, port);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((done) => signal.addEventListener("abort", () => done(), { once: true }));
}
