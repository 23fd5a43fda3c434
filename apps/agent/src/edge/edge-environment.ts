import { parseHostPort } from "@tautline/link";
import { isTautlineError, TautlineError } from "@tautline/protocol";

/** The variables by which SkyWalking's own agents are told where to send, and by what TLS (SW-5 to SW-8). */
export const EDGE_VARIABLES = {
  services: "SW_AGENT_COLLECTOR_BACKEND_SERVICES",
  ca: "SW_AGENT_SSL_TRUSTED_CA_PATH",
  key: "SW_AGENT_SSL_KEY_PATH",
  certificate: "SW_AGENT_SSL_CERT_CHAIN_PATH",
  force: "SW_AGENT_FORCE_TLS",
} as const;

/** Receivers that the environment names. */
export interface NamedReceivers {
  /** "host:port" each, in the order to try. */
  readonly addresses: readonly string[];
  /** File of authorities; undefined leaves it to `system`, or to what lies in the data folder. */
  readonly caFile: string | undefined;
  /** Verify by this system's store where no file is named (SW-6). */
  readonly system: boolean;
  /** What this end shows; both or neither (SW-7). */
  readonly client: { readonly certificateFile: string; readonly keyFile: string } | undefined;
}

const MOST_ADDRESSES = 16;

/**
 * Reads where the environment sends telemetry. Where SkyWalking's agents go on in plaintext or one-way TLS, this refuses: a variable
 * that is set is meant (SWP-1, SW-5, SW-7). An empty one is not set.
 *
 * @param readVariable the environment
 * @returns undefined where no receiver is named
 * @throws agent.edge_variable
 */
export function namedReceivers(
  readVariable: (name: string) => string | undefined,
): NamedReceivers | undefined {
  const read = (name: string): string | undefined => readVariable(name)?.trim() || undefined;
  const services = read(EDGE_VARIABLES.services);
  const [certificateFile, keyFile] = [read(EDGE_VARIABLES.certificate), read(EDGE_VARIABLES.key)];
  const [caFile, force] = [read(EDGE_VARIABLES.ca), read(EDGE_VARIABLES.force)];
  const system = forced(force);
  const client = pairOf(certificateFile, keyFile);
  if (services === undefined) {
    requireUnused({ ca: caFile, certificate: certificateFile, key: keyFile });
    return undefined;
  }
  return {
    addresses: addressesOf(services),
    caFile,
    system: system && caFile === undefined,
    client,
  };
}

function addressesOf(services: string): readonly string[] {
  const addresses = services.split(",").map((text) => text.trim());
  if (addresses.length > MOST_ADDRESSES) {
    throw refused("services", `it names more than ${MOST_ADDRESSES} addresses`);
  }
  const twice = addresses.find((address, at) => addresses.indexOf(address) !== at);
  if (twice !== undefined) throw refused("services", `it names '${twice}' twice`);
  for (const address of addresses) requireAddress(address);
  return addresses;
}

function requireAddress(address: string): void {
  if (address === "") throw refused("services", "there is nothing between two of its commas");
  if (!/:[0-9]+$/.test(address)) throw refused("services", `'${address}' has no port`);
  try {
    parseHostPort(address, 1);
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    throw refused("services", `'${address}' is no host:port`);
  }
}

/** Another spelling would be taken for "no", and open the link that was to be closed. */
function forced(text: string | undefined): boolean {
  if (text === undefined || text === "false") return false;
  if (text === "true") return true;
  throw refused("force", "it is neither 'true' nor 'false'");
}

function pairOf(
  certificateFile: string | undefined,
  keyFile: string | undefined,
): NamedReceivers["client"] {
  if (certificateFile === undefined && keyFile === undefined) return undefined;
  if (keyFile === undefined) {
    throw refused("certificate", `${EDGE_VARIABLES.key} is missing beside it`);
  }
  if (certificateFile === undefined) {
    throw refused("key", `${EDGE_VARIABLES.certificate} is missing beside it`);
  }
  return { certificateFile, keyFile };
}

/** Files for a link that is not made would leave somebody in the belief that it is secured by them. */
function requireUnused(
  files: Readonly<Partial<Record<keyof typeof EDGE_VARIABLES, unknown>>>,
): void {
  for (const name of ["ca", "certificate", "key"] as const) {
    if (files[name] === undefined) continue;
    throw refused(name, `${EDGE_VARIABLES.services} is missing beside it`);
  }
}

function refused(name: keyof typeof EDGE_VARIABLES, reason: string): TautlineError {
  const detail = { variable: EDGE_VARIABLES[name], reason };
  return new TautlineError("agent.edge_variable", { detail });
}
