import { existsSync } from "node:fs";
import { join } from "node:path";
import { readAuthorities, readPairFiles, watchFiles, type WatchedFiles } from "@tautline/daemon";
import { type ServerTrust, systemAuthorities, type TlsIdentity } from "@tautline/link";
import type { TautlineError } from "@tautline/protocol";
import { wait, type Clock } from "../clock.ts";
import type { AgentConfig } from "../config.ts";
import { planFiles, type FilePlan, type FoundFiles } from "./file-rule.ts";
import { readPin } from "./pin-text.ts";
import { readSwitch, rememberSwitch, type FileLevel } from "./switch-memory.ts";

/** How central is dialled by files, as they were last read whole. */
export interface FileAccess {
  readonly level: FileLevel;
  readonly trust: ServerTrust;
  /** What this end shows; undefined at level `tls`. */
  readonly identity: TlsIdentity | undefined;
}

/** The files of an existing PKI that this agent dials by. */
export type TlsFiles = WatchedFiles<FileAccess>;

/** Where files are looked for. */
export interface TlsFilesPlace {
  readonly config: { readonly central: Pick<AgentConfig["central"], "trust" | "client"> };
  /** The agent's data folder; files are found by themselves in `ca` below it. */
  readonly dataDir: string;
}

/** New files are in use within 10 s (SW-11, SWP-2). */
const LOOK_EVERY_MS = 5_000;

/**
 * Reads the files that this agent dials central by, if settings or files in its data folder ask for that, and notes what found files
 * switch on. To be called before the first dial of an agent that has not joined; one that has joined dials by its own identity.
 *
 * @returns undefined where nothing asks for TLS by files, and nothing ever did
 * @throws files.* : it refuses to start rather than dial with less; link.system_store_empty
 */
export function openTlsFiles(place: TlsFilesPlace): TlsFiles | undefined {
  if (planNow(place) === undefined) return undefined;
  return watchFiles(
    () => filesOf(place),
    () => readAccess(place),
  );
}

/**
 * Looks after the files while the agent runs.
 *
 * @param files as `openTlsFiles` gave them
 * @param on `taken`: others are in use from the next dial on, and the link that stands should move over; `refused`: those in use stay
 * @param signal ends it
 */
export async function followTlsFiles(
  files: TlsFiles,
  on: {
    readonly clock: Clock;
    readonly taken: () => void;
    readonly refused: (error: TautlineError) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await wait(on.clock, LOOK_EVERY_MS, signal);
    if (signal.aborted) return;
    const seen = files.look();
    if (seen === "taken") on.taken();
    if (seen === "refused" && files.problem !== undefined) on.refused(files.problem);
  }
}

function readAccess(place: TlsFilesPlace): FileAccess {
  const plan = planNow(place);
  // Without a plan there was none to begin with either, or what was switched on is noted.
  if (plan === undefined) throw new TypeError("nothing asks for TLS by files any more");
  const authorities = authoritiesOf(plan);
  const pair = plan.client && readPairFiles(plan.client);
  if (plan.isByFound) rememberSwitch(markerOf(place), plan.level);
  const { level, pins } = plan;
  return { level, trust: { authorities, pins }, identity: pair };
}

function authoritiesOf({ authorities }: FilePlan): ServerTrust["authorities"] {
  if (authorities === undefined) return undefined;
  return authorities === "system" ? systemAuthorities() : readAuthorities(authorities.file);
}

function planNow(place: TlsFilesPlace): FilePlan | undefined {
  const { trust, client } = place.config.central;
  const marker = markerOf(place);
  return planFiles({
    trust: { ...trust, pins: trust.pins.flatMap((text) => readPin(text) ?? []) },
    client: namedPair(client),
    found: foundFiles(place),
    isPresent: existsSync,
    switchedOn: readSwitch(marker),
    marker,
  });
}

function namedPair({
  certificateFile,
  keyFile,
}: AgentConfig["central"]["client"]): FilePlan["client"] {
  if (certificateFile === undefined || keyFile === undefined) return undefined;
  return { certificateFile, keyFile };
}

function filesOf(place: TlsFilesPlace): readonly string[] {
  const { trust, client } = place.config.central;
  const named = [trust.caFile, client.certificateFile, client.keyFile];
  return [...Object.values<string>({ ...foundFiles(place) }), ...named].filter(
    (file) => file !== undefined,
  );
}

function foundFiles({ dataDir }: TlsFilesPlace): FoundFiles {
  const folder = join(dataDir, "ca");
  return {
    ca: join(folder, "ca.crt"),
    clientCertificate: join(folder, "client.crt"),
    clientPem: join(folder, "client.pem"),
    clientKey: join(folder, "client.key"),
  };
}

function markerOf({ dataDir }: TlsFilesPlace): string {
  return join(dataDir, "tls-files.json");
}
