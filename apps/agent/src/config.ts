import { parseHostPort, parseProxy, readDirectRules, requireUsable } from "@tautline/link";
import {
  compareLevels,
  isNamespace,
  isTautlineError,
  type Level,
  LEVELS,
  parseKeyIdentity,
  UPGRADES,
} from "@tautline/protocol";
import {
  configExample,
  configReference,
  durationSetting,
  loadSettings,
  LOG_LEVELS,
  type LoadedSettings,
  type OldFinding,
} from "@tautline/daemon";
import { z } from "zod";
import { AGENTS_PORT } from "./control/dial-way.ts";
import { cryptoSettings, offeredCrypto } from "./control/crypto-settings.ts";
import { edgeSetting } from "./edge/edge-settings.ts";
import { certificatesSetting } from "./certificates/certificate-settings.ts";
import { forwardsSetting } from "./forwards/forward-settings.ts";
import { remoteForwardsSetting } from "./forwards/remote-forwards.ts";
import { servicesSetting } from "./services/service-settings.ts";
import { clientSetting, trustSetting } from "./tls-files/files-settings.ts";

const key = z
  .strictObject({
    name: z
      .string()
      .refine(
        (text) => parseKeyIdentity(text) !== undefined,
        "must be a key's name, or name#version",
      )
      .default("legacy")
      .describe("Name that central knows the key by, or `name#2` for one of its versions."),
    namespace: z
      .string()
      .refine(isNamespace, "must be a namespace")
      .default("default")
      .describe("Namespace of the key at central: the same text is another key elsewhere."),
    file: z
      .string()
      .min(1)
      .optional()
      .describe(
        "File of mode 0600 that holds the key's text, for the levels `basic` and `advanced`; read anew at each dial, one line break at its end is not part of it.",
      ),
  })
  .prefault({});

const central = z
  .strictObject({
    level: z
      .enum(LEVELS)
      .optional()
      .describe(
        "The level that central is dialled at, and never a lower one. Not set, it is `mtls`, the level of an agent that has joined; below `mtls` and with `addresses`, `agent run` needs no join (docs/guides/old-pairs.md).",
      ),
    key,
    addresses: z
      .array(z.string().refine(isAddress, "must be a host with or without :port"))
      .max(16)
      .default([])
      .describe(
        "Where central is, in the order to try; empty takes the addresses central gave at the join. Central must still prove the identity this agent joined with.",
      ),
    transport: z
      .enum(["websocket", "polling"])
      .default("websocket")
      .describe(
        "How OpAMP travels: one lasting WebSocket, or one HTTPS request at a time for networks that cut long connections.",
      ),
    pollingInterval: durationSetting("30s", "1s", "1h").describe(
      "Time between two requests when the transport is polling.",
    ),
    proxy: z
      .string()
      .refine(isProxy, "must be http://host:port without a login, or none")
      .optional()
      .describe(
        "HTTP proxy to reach central through by CONNECT, `http://host:port`; `none` dials directly. Without it the environment decides: https_proxy or HTTPS_PROXY, no_proxy or NO_PROXY; this host's own addresses are then dialled directly.",
      ),
    proxyCredentialsFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        "File of mode 0600 with `user:password` for the proxy set here (Basic); read anew at each dial.",
      ),
    noProxy: z
      .array(
        z
          .string()
          .refine(isDirectRule, "is no rule of the form that docs/guides/networks.md lists"),
      )
      .max(256)
      .default([])
      .describe(
        "Addresses dialled directly although there is a proxy, each a rule as in NO_PROXY: `*`, name, `.suffix`, address or network, with or without `:port`.",
      ),
    answerTimeout: durationSetting("30s", "1s", "5m").describe(
      "A dial, or a message without an answer, is given up after this long and central is dialled anew.",
    ),
    ...cryptoSettings,
    trust: trustSetting,
    client: clientSetting,
  })
  .refine(
    ({ proxy, proxyCredentialsFile }) =>
      proxyCredentialsFile === undefined || (proxy ?? "none") !== "none",
    {
      path: ["proxyCredentialsFile"],
      message: "is for a proxy set here, and none is",
    },
  )
  .prefault({});

const vault = z
  .strictObject({
    environmentVariable: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "must be the name of an environment variable")
      .default("TAUTLINE_KEY")
      .describe("Environment variable that holds the vault's passphrase (RS-19); first in order."),
    passphraseFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        "File that holds the vault's passphrase, mode 0600; second in order. With neither, a key file is made, which `agent status` calls weak.",
      ),
  })
  .prefault({});

const log = z
  .strictObject({
    level: z
      .enum([...LOG_LEVELS, "central"])
      .default("central")
      .describe(
        "Least severity written to standard error; `central` takes what central sets (`info` until then).",
      ),
  })
  .prefault({});

/** Every setting of the agent's local file (`agent.yaml`): type, default and meaning in one place (SWP-1). */
export const agentConfigSchema = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .describe(
        "Name for people, told to central; without it the name of the join, else the host's.",
      ),
    dataDir: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Folder of the agent's identity, keys and audit trail (0700); --data and TAUTLINE_DATA stand above it.",
      ),
    central,
    floor: z
      .enum(LEVELS)
      .optional()
      .describe(
        "The lowest level this agent speaks to central at; nothing that arrives over the network can lower it. Not set, it is `mtls` once the agent has joined. `central.level` below it refuses to start.",
      ),
    allowedInstructions: z
      .array(z.enum(["addresses", "level", "settings"]))
      .max(8)
      .default(["addresses", "level", "settings"])
      .describe(
        "Kinds of signed instruction this host carries out; nothing that arrives over the network can widen it. `addresses`, and a `level` to climb to, are taken into use only after the same central has answered there; a level is never lowered.",
      ),
    upgrade: z
      .enum(UPGRADES)
      .default("remote")
      .describe(
        "How this host's agent gets a newer version, told to central: `remote` from there, `manual` by a person who replaces it, `firmware` with the firmware of its device. `policy plan` prints the remedy that fits (QM-3).",
      ),
    rescue: z
      .boolean()
      .default(true)
      .describe(
        "Whether an agent that has joined goes up to mtls by itself, with its own identity, where central does not hear its level any more; it never goes down. `false` leaves it away until somebody changes its level here.",
      ),
    forwards: forwardsSetting,
    remoteForwards: remoteForwardsSetting,
    services: servicesSetting,
    edge: edgeSetting,
    certificates: certificatesSetting,
    vault,
    log,
  })
  .refine(({ central: { level }, floor }) => isAtLeast(level, floor), {
    path: ["central", "level"],
    message: "is below 'floor'",
  });

function isAtLeast(level: Level | undefined, floor: Level | undefined): boolean {
  return level === undefined || floor === undefined || compareLevels(level, floor) >= 0;
}

function isProxy(text: string): boolean {
  if (text === "none") return true;
  try {
    return parseProxy(text, "proxy").authorization === undefined;
  } catch (error) {
    if (isTautlineError(error)) return false;
    throw error;
  }
}

function isAddress(text: string): boolean {
  try {
    parseHostPort(text, AGENTS_PORT);
    return true;
  } catch (error) {
    if (isTautlineError(error)) return false;
    throw error;
  }
}

function isDirectRule(text: string): boolean {
  return readDirectRules([text]).unreadable.length === 0;
}

/** The agent's local settings, checked and frozen. */
export type AgentConfig = Readonly<z.output<typeof agentConfigSchema>>;

/**
 * Reads the agent's local settings file: agent.yaml, or an old agent.properties or agent.conf.
 *
 * @param file path of the file; undefined takes the defaults
 * @param readVariable the environment, which stands over an old file (OV-12)
 * @throws config.unreadable, config.invalid (file, line and key), config.old_setting, config.old_unknown, link.crypto_unsupported
 */
export function loadAgentSettings(
  file: string | undefined,
  readVariable: (name: string) => string | undefined = () => undefined,
): LoadedSettings<AgentConfig> {
  const loaded = loadSettings("agent", file, agentConfigSchema, readVariable);
  requireUsable(offeredCrypto(loaded.config.central));
  return loaded;
}

/**
 * Reads the agent's local settings file.
 *
 * @param file path of agent.yaml; undefined takes the defaults
 * @throws the codes of loadAgentSettings
 */
export function loadAgentConfig(file: string | undefined): AgentConfig {
  return loadAgentSettings(file).config;
}

/**
 * Reads a settings file exactly as the agent would, and starts nothing.
 *
 * @param file path of the file
 * @returns what was noticed in an old file
 * @throws the codes of loadAgentSettings
 */
export function checkAgentConfig(file: string): readonly OldFinding[] {
  return loadAgentSettings(file).findings;
}

/** The reference page of agent.yaml in Markdown, made from the schema. */
export function agentConfigReference(): string {
  return configReference("The agent's settings file (`agent.yaml`)", agentConfigSchema);
}

/** A full agent.yaml with every key at its default, commented out, its meaning above it. */
export function agentConfigExample(): string {
  return configExample(agentConfigSchema);
}
