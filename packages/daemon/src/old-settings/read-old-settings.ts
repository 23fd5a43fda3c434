import { statSync } from "node:fs";
import { TautlineError } from "@tautline/protocol";
import type { ConfigApp } from "../config-file.ts";
import { readText } from "../text-file.ts";
import { PLAINTEXT_PORT, SECURE_PORT } from "./old-address.ts";
import { decideEncryption } from "./encryption-rule.ts";
import type { OldFinding } from "./old-finding.ts";
import {
  isWebsocketName,
  oldKindByContent,
  oldKindByName,
  oldUnknownError,
  type OldKind,
} from "./old-kind.ts";
import {
  agentSettingsOf,
  centralSettingsOf,
  OLD_KEY,
  type OldLink,
  type OurAgentSettings,
  type OurCentralSettings,
} from "./our-settings.ts";
import { decideAddress, movedPort } from "./pair-address.ts";
import { findPairSettings, type PairSources, type Spoken } from "./pair-sources.ts";
import { MAX_OLD_SETTINGS_BYTES, parseProperties, type Properties } from "./properties.ts";
import { readSettingName } from "./setting-name.ts";
import { decideWebsocket } from "./websocket-rule.ts";

/** What an old settings file becomes. */
export interface OldSettings {
  readonly app: ConfigApp;
  /** In the words of agent.yaml or central.yaml, still to be judged by the strict schema. */
  readonly settings: OurAgentSettings | OurCentralSettings;
  /** Texts of keys by name: they are handed over in memory and stand in no settings. */
  readonly keyTexts: ReadonlyMap<string, string>;
  readonly findings: readonly OldFinding[];
}

/** How an old file is to be read. */
export interface ReadOldOptions {
  /** Whose settings are wanted; without it the file's name or content must say. */
  readonly app?: ConfigApp | undefined;
  /** Where the settings say the key's text is; without it, the old file itself. */
  readonly keyFile?: string;
  readonly readVariable: (name: string) => string | undefined;
}

/**
 * Reads an old settings file that a program was given directly.
 *
 * @param file its path; only a name that ends in `.properties` or `.conf` is an old one
 * @param options whose settings, and the environment (OV-12)
 * @returns undefined for every other file
 * @throws config.unreadable, config.old_setting, config.old_unknown
 */
export function readOldSettings(file: string, options: ReadOldOptions): OldSettings | undefined {
  const named = oldKindByName(file);
  if (named === undefined) return undefined;
  return judge(file, readText(file, MAX_OLD_SETTINGS_BYTES), named, options);
}

/**
 * Reads a file that a person says is an old settings file, whatever its name.
 *
 * @param file its path
 * @param options whose settings, where the key will be, and the environment (OV-12)
 * @throws config.unreadable, config.old_setting, config.old_unknown, config.old_unsupported
 */
export function importOldSettings(file: string, options: ReadOldOptions): OldSettings {
  const text = readText(file, MAX_OLD_SETTINGS_BYTES);
  const inside = oldKindByContent(text);
  if (inside?.kind === "namespace") {
    throw new TautlineError("config.old_unsupported", { detail: { file } });
  }
  const kind = oldKindByName(file) ?? inside;
  if (kind !== undefined) return judge(file, text, kind, options);
  throw oldUnknownError(file, "neither its name nor a setting in it is known");
}

function judge(file: string, text: string, named: OldKind, options: ReadOldOptions): OldSettings {
  const app = options.app ?? named.app;
  if (app === undefined) throw oldUnknownError(file, "its name does not say whose it is");
  const properties = parseProperties(file, text);
  const names = [...properties.entries.keys()];
  if (named.kind === "websocket") {
    if (app === "central") throw oldUnknownError(file, "it has the settings of an agent");
    // Any program may have a file of this name: one without a setting of ours does not mean "switched off".
    if (!names.some(isWebsocketName)) throw oldUnknownError(file, "no setting in it is known");
    return judgeWebsocket(properties);
  }
  const isNamed = named.app !== undefined;
  if (!isNamed && !names.some((name) => readSettingName(name) !== undefined)) {
    throw oldUnknownError(file, "no setting in it is known");
  }
  return judgePair(properties, app, options);
}

function judgePair(properties: Properties, app: ConfigApp, options: ReadOldOptions): OldSettings {
  const { file } = properties;
  const sources = findPairSettings(properties, options.readVariable);
  const { level, keyText, findings } = decideEncryption(sources);
  const address = app === "agent" ? decideAddress(sources, level) : listening(sources, level);
  const link: OldLink = {
    level,
    addresses: address.addresses,
    ...(keyText === undefined ? {} : { keyFile: options.keyFile ?? file }),
  };
  return {
    app,
    settings: app === "agent" ? agentSettingsOf(link) : centralSettingsOf(link),
    keyTexts: new Map(keyText === undefined ? [] : [[OLD_KEY.name, keyText]]),
    findings: [
      ...findings,
      ...address.findings,
      ...openKey(file, sources.spoken.get("encrypt.key")),
    ],
  };
}

const OTHERS = 0o077;

/** The old programs did not look at who can read the key; a key file of ours that is open is refused. */
function openKey(file: string, key: Spoken | undefined): OldFinding[] {
  if (typeof key?.line !== "number" || (statSync(file).mode & OTHERS) === 0) return [];
  return [
    {
      severity: "warning",
      file,
      line: key.line,
      what: "Others on this host can read the key in this file",
      why: "Whoever has the key can speak for either end.",
      remedy: "Give the file mode 0600, and delete it once it is taken over.",
    },
  ];
}

function listening({ file, spoken }: PairSources, level: string) {
  const port = level === "plaintext" ? PLAINTEXT_PORT : SECURE_PORT;
  return { addresses: [], findings: movedPort(file, spoken.get("listen.port"), port) };
}

function judgeWebsocket(properties: Properties): OldSettings {
  const { host, port, level, trust, findings } = decideWebsocket(properties);
  const addresses = host === undefined ? [] : [`${host}:${port}`];
  const link = { level, addresses, ...(trust === undefined ? {} : { trust }) };
  return { app: "agent", settings: agentSettingsOf(link), keyTexts: new Map(), findings };
}
