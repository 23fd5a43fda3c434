import type { PairFiles } from "@tautline/daemon";
import { TautlineError } from "@tautline/protocol";
import type { FileLevel } from "./switch-memory.ts";

/** The files that switch TLS on by lying in the agent's data folder (SW-2). */
export interface FoundFiles {
  /** Authorities that central is verified by. */
  readonly ca: string;
  readonly clientCertificate: string;
  /** The client's key, under either name. */
  readonly clientPem: string;
  readonly clientKey: string;
}

/** What the settings say, and what lies in the folder. */
export interface FileSituation {
  /** `central.trust` of agent.yaml; pins as 32 bytes each. */
  readonly trust: {
    readonly system: boolean;
    readonly caFile?: string | undefined;
    readonly pins: readonly Uint8Array[];
  };
  /** `central.client` of agent.yaml. */
  readonly client: PairFiles | undefined;
  readonly found: FoundFiles;
  readonly isPresent: (file: string) => boolean;
  /** The level that files in the folder switched on before. */
  readonly switchedOn: FileLevel | undefined;
  /** Where that is noted, for people. */
  readonly marker: string;
}

/** How central is to be dialled by files. */
export interface FilePlan {
  readonly level: FileLevel;
  /** A file, or the system's store; undefined leaves the proof to the pins. */
  readonly authorities: { readonly file: string } | "system" | undefined;
  readonly pins: readonly Uint8Array[];
  readonly client: PairFiles | undefined;
  /** Whether files of the folder had a part in it: what they switched on stays on. */
  readonly isByFound: boolean;
}

/**
 * Decides what files make of the link to central (SW-5, SW-7, SWP-1). Settings stand above files that are merely found; what was
 * switched on once by found files is never given up because one is missing.
 *
 * @param situation settings, folder, memory
 * @returns undefined where nothing asks for TLS by files, and nothing ever did
 * @throws files.missing, files.switched_on, files.two_keys
 */
export function planFiles(situation: FileSituation): FilePlan | undefined {
  const { trust, client, found, isPresent } = situation;
  const authorities = chooseAuthorities(situation);
  const isTrusting = authorities !== undefined || trust.pins.length > 0;
  const pair = client ?? findPair(situation);
  requireRemembered(situation, isTrusting, pair !== undefined);
  if (!isTrusting) {
    // A certificate of ours and nothing to know central by: half of what was meant (SW-7).
    if (pair !== undefined) throw missing(found.ca);
    return undefined;
  }
  const isByFound =
    (client === undefined && pair !== undefined) ||
    (typeof authorities === "object" && authorities.file === found.ca && isPresent(found.ca));
  const level = pair === undefined ? "tls" : "mtls";
  return { level, authorities, pins: trust.pins, client: pair, isByFound };
}

function chooseAuthorities({ trust, found, isPresent }: FileSituation): FilePlan["authorities"] {
  if (trust.caFile !== undefined) return { file: trust.caFile };
  if (trust.system) return "system";
  return isPresent(found.ca) ? { file: found.ca } : undefined;
}

function findPair({ found, isPresent }: FileSituation): PairFiles | undefined {
  const keys = [found.clientPem, found.clientKey].filter(isPresent);
  const hasCertificate = isPresent(found.clientCertificate);
  const [keyFile, other] = keys;
  if (other !== undefined) {
    const [one, two] = [found.clientPem, found.clientKey];
    throw new TautlineError("files.two_keys", { detail: { one, other: two } });
  }
  if (keyFile === undefined) {
    if (hasCertificate) throw missing(found.clientPem);
    return undefined;
  }
  if (!hasCertificate) throw missing(found.clientCertificate);
  return { certificateFile: found.clientCertificate, keyFile };
}

function requireRemembered(
  { switchedOn, found, marker }: FileSituation,
  isTrusting: boolean,
  hasPair: boolean,
): void {
  const switchedOff = (level: FileLevel, file: string): TautlineError =>
    new TautlineError("files.switched_on", { detail: { level, file, marker } });
  if (switchedOn !== undefined && !isTrusting) throw switchedOff(switchedOn, found.ca);
  if (switchedOn === "mtls" && !hasPair) throw switchedOff("mtls", found.clientCertificate);
}

function missing(file: string): TautlineError {
  return new TautlineError("files.missing", { detail: { file } });
}
