import { existsSync } from "node:fs";
import type { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { readAuthorities, readPairFiles, watchFiles, type WatchedFiles } from "@tautline/daemon";
import type { TlsIdentity } from "@tautline/link";
import type { CentralConfig } from "../config.ts";
import { planServerFiles, type FoundServerFiles } from "./server-file-rule.ts";
import { readSwitches, rememberSwitches } from "./switch-memory.ts";

/** What an existing PKI gives central, as its files were last read whole. */
export interface ServerAccess {
  /** Shown to callers that do not ask for central's own name; undefined shows them central's own. */
  readonly identity: TlsIdentity | undefined;
  /** That clients of that PKI are verified by; empty takes none. */
  readonly authorities: readonly X509Certificate[];
}

/** The files of an existing PKI at central. */
export type ServerFiles = WatchedFiles<ServerAccess>;

/** Where files are looked for. */
export interface ServerFilesPlace {
  readonly config: Pick<CentralConfig, "agents">;
  /** Central's data folder; files are found by themselves in `tls` below it. */
  readonly dataDir: string;
}

/**
 * Reads the files of an existing PKI that settings name or that lie in `<data>/tls`, and notes what found files switch on.
 *
 * @throws files.* : central refuses to start rather than show or take less than it was told to
 */
export function openServerFiles(place: ServerFilesPlace): ServerFiles {
  const { certificateFile, keyFile, clientCaFile } = place.config.agents.files;
  const named = [certificateFile, keyFile, clientCaFile].filter((file) => file !== undefined);
  return watchFiles(
    () => [...Object.values<string>({ ...foundFiles(place) }), ...named],
    () => readAccess(place),
  );
}

function readAccess(place: ServerFilesPlace): ServerAccess {
  const marker = join(place.dataDir, "tls-files.json");
  const { pair, clientCaFile, byFound } = planServerFiles({
    settings: place.config.agents.files,
    found: foundFiles(place),
    isPresent: existsSync,
    switchedOn: readSwitches(marker),
    marker,
  });
  const identity = pair && readPairFiles(pair);
  const authorities = clientCaFile === undefined ? [] : readAuthorities(clientCaFile);
  rememberSwitches(marker, byFound);
  return { identity, authorities };
}

function foundFiles({ dataDir }: ServerFilesPlace): FoundServerFiles {
  const folder = join(dataDir, "tls");
  return {
    certificate: join(folder, "server.crt"),
    pem: join(folder, "server.pem"),
    key: join(folder, "server.key"),
    ca: join(folder, "ca.crt"),
  };
}
