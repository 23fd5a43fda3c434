import {
  configExample,
  configReference,
  durationSetting,
  loadSettings,
  LOG_LEVELS,
  portSetting,
  type LoadedSettings,
} from "@tautline/daemon";
import { parseHostPort, requireUsable } from "@tautline/link";
import { isTautlineError, isTrustDomain, LEVELS, LIMITS } from "@tautline/protocol";
import { z } from "zod";
import { keySettings } from "./keys/key-settings.ts";
import { acceptedCrypto, cryptoSettings } from "./listeners/crypto-settings.ts";
import { LISTENER_BINDS } from "./listeners/listener-settings.ts";
import { receiverSettings } from "./receiver/receiver-config.ts";
import { fileSettings } from "./tls-files/file-settings.ts";

const DEFAULT_AGENTS_PORT = 9150;
const DEFAULT_PLAINTEXT_PORT = 8787;
/** With these a join token still fits into its 4,096 characters. */
const MAX_ADVERTISED_CHARACTERS = 2_000;

const trustDomain = z
  .string()
  .refine(isTrustDomain, "it is not a lower-case DNS name such as fleet.example.org")
  .default("tautline.internal")
  .describe("Stands in every identity of this fleet; cannot change once central has started.");

const agents = z
  .strictObject({
    host: z
      .string()
      .default("::")
      .describe("Address the agents' port listens on; `::` takes IPv4 and IPv6."),
    port: portSetting(DEFAULT_AGENTS_PORT).describe("Port that agents dial (QM-4)."),
    levels: z
      .array(z.enum(LEVELS))
      .max(LEVELS.length)
      .refine(
        (levels) => levels.some((level) => level !== "plaintext"),
        "a level other than plaintext is needed",
      )
      .default(["tls", "mtls"])
      .describe(
        "Levels accepted on the agents' port; `plaintext` among them means that both share this port. 'tautline listeners set' stands above it.",
      ),
    advertise: z
      .array(z.string().refine(isAddress, "it is not a name or address with or without a port"))
      .max(LIMITS.addresses.value)
      .refine(
        (list) => list.join("").length <= MAX_ADVERTISED_CHARACTERS,
        `together they are longer than the ${MAX_ADVERTISED_CHARACTERS} characters a join token has room for`,
      )
      .default([])
      .describe(
        "Names or addresses, each with or without a port, that join tokens tell agents to dial; empty takes this host's own.",
      ),
    maxConnections: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(65_536)
      .describe("Connections accepted at once on the agents' port."),
    tlsClients: z
      .enum(["proven", "any"])
      .default("proven")
      .describe(
        "Whether callers of level tls without a certificate, a token or a proof come in as agents without an identity (`any`) or are refused (`proven`).",
      ),
    handshakeTimeout: durationSetting("10s", "1s", "60s").describe(
      "A caller that has not finished its TLS handshake by then is cut.",
    ),
    ...cryptoSettings,
    files: fileSettings,
  })
  .prefault({});

const plaintext = z
  .strictObject({
    bind: z
      .enum(LISTENER_BINDS)
      .default("off")
      .describe(
        "Who reaches the plaintext port: nobody, this host alone, or everybody (QM-7, QM-13). 'tautline listeners set' stands above it.",
      ),
    host: z
      .string()
      .default("::")
      .describe("Address that a public plaintext port listens on; `::` takes IPv4 and IPv6."),
    port: portSetting(DEFAULT_PLAINTEXT_PORT).describe(
      "Port of agents that speak without any protection (QM-7).",
    ),
  })
  .prefault({});

const console_ = z
  .strictObject({
    host: z.string().default("127.0.0.1").describe("Address of the console and API port."),
    port: portSetting(8443).describe("Port of the console and API (QM-16)."),
  })
  .prefault({});

const certificates = z
  .strictObject({
    agentLifetime: durationSetting("24h", "20s", "30d").describe(
      "Life of an agent's certificates.",
    ),
    renewalGrace: durationSetting("30d", "0s", "365d").describe(
      "How long after its end an agent's certificate may still be renewed by proof of its key, without a human; later an operator approves it ('tautline agents approve').",
    ),
    centralLifetime: durationSetting("24h", "20s", "30d").describe(
      "Life of central's own certificates; renewed at half-life.",
    ),
    fileLifetime: durationSetting("24h", "4s", "90d").describe(
      "Life of the certificates that agents keep as files for other programs; renewed at half-life.",
    ),
    crlLifetime: durationSetting("24h", "20s", "30d").describe(
      "How long a revocation list is good; the next one is made at half of it, and at once when something is revoked.",
    ),
    intermediateLifetime: durationSetting("1825d", "1d", "3650d").describe(
      "Life of the authorities below the root.",
    ),
    rootLifetime: durationSetting("3650d", "1d", "7300d").describe("Life of the root."),
  })
  .prefault({});

const atMost = (most: number, least: number, value: number) =>
  z.int().min(least).max(most).default(value);

const admission = z
  .strictObject({
    handshakesAtOnce: atMost(10_000, 1, 128).describe(
      "Handshakes under way at once on the agents' ports: at tls and mtls together, at advanced, and at basic so many each; more wait.",
    ),
    handshakesWaiting: atMost(65_536, 0, 1_024).describe(
      "Callers that may wait for their handshake; more are cut before it, known sources last.",
    ),
    enrolmentsAtOnce: atMost(1_000, 1, 8).describe("Enrolments under way at once; more wait."),
    enrolmentsWaiting: atMost(65_536, 0, 512).describe(
      "Enrolments that may wait; more are told when to come back, each at another time.",
    ),
    failedAttempts: atMost(1_000_000, 1, 60).describe(
      "Failed attempts from one source (IPv6: one /64) that are looked at within `failedAttemptsWindow`; agents with a certificate are never counted out.",
    ),
    failedAttemptsWindow: durationSetting("1m", "1s", "1h").describe(
      "How long a source's failed attempts are remembered, from the first one on.",
    ),
    returnsPerSecond: atMost(10_000, 1, 100).describe(
      "When central stops, agents are told to come back spread over the time in which so many a second make all (F9).",
    ),
  })
  .prefault({});

const vault = z
  .strictObject({
    environmentVariable: z
      .string()
      .regex(/^[A-Z_][A-Z0-9_]*$/)
      .default("TAUTLINE_MPASSWD")
      .describe(
        "Environment variable that holds the vault's passphrase (RS-12, RS-15); first in order.",
      ),
    passphraseFile: z
      .string()
      .optional()
      .describe(
        "File that holds the vault's passphrase, mode 0600; second in order. With neither, a weak key file is made.",
      ),
  })
  .prefault({});

const instructions = z
  .strictObject({
    lifetime: durationSetting("15m", "30s", "24h").describe(
      "How long an agent may take a signed instruction after it was made.",
    ),
  })
  .prefault({});

const audit = z
  .strictObject({
    checkpointEntries: z
      .int()
      .min(1)
      .max(5_000)
      .default(1_000)
      .describe("New entries of the audit trail after which central signs a checkpoint."),
    checkpointInterval: durationSetting("5m", "1s", "24h").describe(
      "Central signs a checkpoint as often as this where there are new entries, and when it stops.",
    ),
  })
  .prefault({});

const history = z
  .strictObject({
    dailyDays: z
      .int()
      .min(1)
      .max(3650)
      .default(14)
      .describe("Age in days up to which the history of links tells every day."),
    weeklyDays: z
      .int()
      .min(1)
      .max(3650)
      .default(45)
      .describe("Age in days up to which it tells gaps of more than a week."),
    days: z
      .int()
      .min(1)
      .max(3650)
      .default(90)
      .describe(
        "Age in days up to which it tells gaps of more than a month; what is older becomes one row for each agent and kind of evidence.",
      ),
  })
  .refine(
    ({ dailyDays, weeklyDays, days }) => dailyDays <= weeklyDays && weeklyDays <= days,
    "dailyDays, weeklyDays and days must not fall: the older, the coarser",
  )
  .prefault({});

const log = z
  .strictObject({
    level: z.enum(LOG_LEVELS).default("info").describe("Least severity written to the log."),
  })
  .prefault({});

/** Every setting of central's file (`central.yaml`): type, default and meaning in one place. */
export const centralConfigSchema = z.strictObject({
  trustDomain,
  agents,
  plaintext,
  receiver: receiverSettings,
  keys: keySettings,
  console: console_,
  certificates,
  admission,
  vault,
  instructions,
  audit,
  history,
  log,
});

/** Central's settings as its parts read them: durations in milliseconds, defaults filled in. */
export type CentralConfig = Readonly<z.output<typeof centralConfigSchema>>;

/** What the command line may say over the file. */
export interface CentralFlags {
  readonly agentsPort?: number;
  readonly consolePort?: number;
  /** Opens the plaintext port for everybody. */
  readonly plaintextPort?: number;
  readonly host?: string;
}

/**
 * Reads central's settings file, central.yaml or an old collector.properties, and lays the command line's flags over it.
 *
 * @param file path of the file; undefined takes the defaults
 * @param flags ports and host given on the command line
 * @param readVariable the environment, which stands over an old file (OV-12)
 * @throws config.unreadable, config.invalid, config.old_setting, config.old_unknown, link.crypto_unsupported
 */
export function loadCentralSettings(
  file: string | undefined,
  flags: CentralFlags = {},
  readVariable: (name: string) => string | undefined = () => undefined,
): LoadedSettings<CentralConfig> {
  const loaded = loadSettings("central", file, centralConfigSchema, readVariable);
  requireUsable(acceptedCrypto(loaded.config.agents));
  return { ...loaded, config: withFlags(loaded.config, flags) };
}

/**
 * Reads central's settings file and lays the command line's flags over it.
 *
 * @param file path of central.yaml; undefined takes the defaults
 * @param flags ports and host given on the command line
 * @throws the codes of loadCentralSettings
 */
export function loadCentralConfig(
  file: string | undefined,
  flags: CentralFlags = {},
): CentralConfig {
  return loadCentralSettings(file, flags).config;
}

function withFlags(config: CentralConfig, flags: CentralFlags): CentralConfig {
  return {
    ...config,
    agents: {
      ...config.agents,
      host: flags.host ?? config.agents.host,
      port: flags.agentsPort ?? config.agents.port,
    },
    plaintext: {
      ...config.plaintext,
      host: flags.host ?? config.plaintext.host,
      ...(flags.plaintextPort !== undefined && { bind: "public", port: flags.plaintextPort }),
    },
    receiver: { ...config.receiver, host: flags.host ?? config.receiver.host },
    console: {
      ...config.console,
      host: flags.host ?? config.console.host,
      port: flags.consolePort ?? config.console.port,
    },
  };
}

function isAddress(text: string): boolean {
  try {
    parseHostPort(text, DEFAULT_AGENTS_PORT);
    return true;
  } catch (error) {
    if (isTautlineError(error)) return false;
    throw error;
  }
}

/** The reference page of central.yaml, made from the schema. */
export function centralConfigReference(): string {
  return configReference("Central's settings file (`central.yaml`)", centralConfigSchema);
}

/** A full central.yaml with every default, commented out. */
export function centralConfigExample(): string {
  return configExample(centralConfigSchema);
}
