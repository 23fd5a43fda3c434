import { resolve } from "node:path";
import {
  connectTcp,
  dialByFiles,
  dialWithin,
  formatHostPort,
  parseHostPort,
  type UpstreamPlace,
} from "@tautline/link";
import { TautlineError } from "@tautline/protocol";
import type { DialLimits } from "../control/dial-way.ts";
import { readListenAddress } from "../forwards/listen-address.ts";
import { openTlsFiles, type TlsFiles } from "../tls-files/tls-files.ts";
import type { NamedReceivers } from "./edge-environment.ts";
import type { EdgeSettings } from "./edge-settings.ts";

/** What dialling receivers by name needs. */
export interface NamedPlacesOptions extends DialLimits {
  readonly named: NamedReceivers;
  readonly settings: Pick<EdgeSettings, "listen" | "plaintext">;
  /** That paths are relative to, and where files are found by themselves (SW-5). */
  readonly dataDir: string;
  /** Told when files that were put in place could not be taken; those before are dialled by. */
  readonly onProblem: (error: TautlineError) => void;
}

/** Receivers that the environment names, and how they are dialled. */
export interface NamedPlaces {
  readonly places: readonly UpstreamPlace[];
  readonly level: "plaintext" | "tls" | "mtls";
  /** The files that are dialled by; undefined at plaintext. */
  readonly files: TlsFiles | undefined;
}

/** Every port must be named, so this is never used. */
const NO_PORT = 1;

/**
 * Decides how receivers that the environment names are dialled: by files of a PKI, named or found, and in plaintext only where
 * agent.yaml says so (SW-5 to SW-7). Nothing is dialled here.
 *
 * @param options receivers, settings, folder
 * @throws agent.edge_unsecured, agent.edge_loop, files.*, link.system_store_empty: it refuses to start rather than send with less
 */
export function placesOf(options: NamedPlacesOptions): NamedPlaces {
  const { named, settings, dataDir } = options;
  for (const address of named.addresses) requireElsewhere(address, settings);
  const inFolder = (file: string | undefined): string | undefined =>
    file === undefined ? undefined : resolve(dataDir, file);
  const files = openTlsFiles({
    config: {
      central: {
        trust: { system: named.system, caFile: inFolder(named.caFile), pins: [] },
        client: {
          certificateFile: inFolder(named.client?.certificateFile),
          keyFile: inFolder(named.client?.keyFile),
        },
      },
    },
    dataDir,
  });
  if (files === undefined && !settings.plaintext) throw new TautlineError("agent.edge_unsecured");
  const places = named.addresses.map((address) => placeOf(address, files, options));
  return { places, level: files?.value.level ?? "plaintext", files };
}

function placeOf(
  address: string,
  files: TlsFiles | undefined,
  options: NamedPlacesOptions,
): UpstreamPlace {
  const authority = formatHostPort(...partsOf(address));
  if (files !== undefined) {
    const connect: UpstreamPlace["connect"] = async (signal) => {
      if (files.look() === "refused" && files.problem !== undefined) {
        options.onProblem(files.problem);
      }
      const { trust, identity } = files.value;
      const way = wayOf(address, options);
      const { socket } = await dialByFiles({ ...way, signal, trust, identity, protocol: "h2" });
      return socket;
    };
    return { name: address, authority, scheme: "https", connect };
  }
  return {
    name: address,
    authority,
    scheme: "http",
    connect: (callOff) => {
      const way = wayOf(address, options);
      return dialWithin({ ...way, signal: callOff }, (signal) => connectTcp({ ...way, signal }));
    },
  };
}

function wayOf(address: string, { timeoutMs, now, proxyFor, crypto }: DialLimits) {
  const target = parseHostPort(address, NO_PORT);
  return { ...target, proxy: proxyFor?.(target), timeoutMs, now, crypto };
}

/** The variable is the programs' own, and often set for every program of a host: what it names then is this edge. */
function requireElsewhere(address: string, { listen }: Pick<EdgeSettings, "listen">): void {
  const here = listen === undefined ? undefined : readListenAddress(listen);
  if (here?.kind !== "tcp") return;
  const [host, port] = partsOf(address);
  const isHere =
    host === here.host || host === "localhost" || host.startsWith("127.") || host === "::1";
  if (isHere && port === here.port) {
    throw new TautlineError("agent.edge_loop", { detail: { address } });
  }
}

function partsOf(address: string): [host: string, port: number] {
  const { host, port } = parseHostPort(address, NO_PORT);
  return [host, port];
}
