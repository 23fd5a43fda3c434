import type { PairFiles } from "@tautline/daemon";
import { TautlineError } from "@tautline/protocol";

/** The files of an existing PKI that are found in central's data folder (SW-2, SW-8). */
export interface FoundServerFiles {
  readonly certificate: string;
  /** The key, under either name. */
  readonly pem: string;
  readonly key: string;
  /** Authorities that clients are verified by. */
  readonly ca: string;
}

/** What files of an existing PKI do at central. */
export interface SwitchedOn {
  /** Callers are shown its certificate. */
  readonly pair: boolean;
  /** Its clients are taken. */
  readonly clients: boolean;
}

/** What the settings say, and what lies in the folder. */
export interface ServerFileSituation {
  /** `agents.files` of central.yaml. */
  readonly settings: {
    readonly certificateFile?: string | undefined;
    readonly keyFile?: string | undefined;
    readonly clientCaFile?: string | undefined;
  };
  readonly found: FoundServerFiles;
  readonly isPresent: (file: string) => boolean;
  /** What found files switched on before. */
  readonly switchedOn: SwitchedOn;
  /** Where that is noted, for people. */
  readonly marker: string;
}

/** Which files are to be read. */
export interface ServerFilePlan {
  readonly pair: PairFiles | undefined;
  readonly clientCaFile: string | undefined;
  /** What found files switch on. */
  readonly byFound: SwitchedOn;
}

/**
 * Decides which files of an existing PKI central uses. Settings stand above files that are merely found; what found files switched on is
 * never given up because one is missing (SWP-1).
 *
 * @param situation settings, folder, memory
 * @throws files.missing, files.switched_on, files.two_keys
 */
export function planServerFiles(situation: ServerFileSituation): ServerFilePlan {
  const { settings, found, isPresent, switchedOn, marker } = situation;
  const { certificateFile, keyFile } = settings;
  const isNamed = certificateFile !== undefined && keyFile !== undefined;
  const pair = isNamed ? { certificateFile, keyFile } : findPair(situation);
  const foundCa = isPresent(found.ca) ? found.ca : undefined;
  const clientCaFile = settings.clientCaFile ?? foundCa;
  const lost =
    (switchedOn.pair && pair === undefined && found.certificate) ||
    (switchedOn.clients && clientCaFile === undefined && found.ca);
  if (lost !== false) {
    const level = lost === found.ca ? "mtls" : "tls";
    throw new TautlineError("files.switched_on", { detail: { level, file: lost, marker } });
  }
  const clients = settings.clientCaFile === undefined && foundCa !== undefined;
  return { pair, clientCaFile, byFound: { pair: pair !== undefined && !isNamed, clients } };
}

function findPair({ found, isPresent }: ServerFileSituation): PairFiles | undefined {
  const [keyFile, second] = [found.pem, found.key].filter(isPresent);
  if (second !== undefined) {
    throw new TautlineError("files.two_keys", { detail: { one: found.pem, other: found.key } });
  }
  const hasCertificate = isPresent(found.certificate);
  if (keyFile === undefined && !hasCertificate) return undefined;
  if (keyFile === undefined) throw missing(found.pem);
  if (!hasCertificate) throw missing(found.certificate);
  return { certificateFile: found.certificate, keyFile };
}

function missing(file: string): TautlineError {
  return new TautlineError("files.missing", { detail: { file } });
}
