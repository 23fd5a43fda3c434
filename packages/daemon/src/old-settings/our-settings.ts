import type { Level } from "@tautline/protocol";
import { stringify } from "yaml";
import { PLAINTEXT_PORT } from "./old-address.ts";
import { shownName } from "./old-finding.ts";
import type { TrustSettings } from "./trust-arguments.ts";

/** The name that an old pair's key has on both ends, and its namespace: an imported pair agrees by itself. */
export const OLD_KEY = { name: "legacy", namespace: "default" } as const;

/** A key by name, as agent.yaml and central.yaml write it. */
export interface NamedKeyFile {
  readonly name: string;
  readonly namespace: string;
  readonly file: string;
}

/** What an old file becomes in agent.yaml. */
export interface OurAgentSettings {
  readonly central: {
    readonly addresses: readonly string[];
    readonly level: Level;
    readonly key?: NamedKeyFile;
    readonly trust?: TrustSettings;
  };
}

/** What an old file becomes in central.yaml. */
export interface OurCentralSettings {
  readonly agents: { readonly levels: readonly Level[] };
  readonly plaintext:
    | { readonly bind: "off" }
    | { readonly bind: "public"; readonly port: number; readonly host: string };
  readonly keys?: readonly NamedKeyFile[];
}

/** A link as an old file describes it. */
export interface OldLink {
  readonly level: Level;
  readonly addresses: readonly string[];
  readonly trust?: TrustSettings;
  /** Where the key's text is, at a level that has one. */
  readonly keyFile?: string;
}

/**
 * Writes an old agent's link in the words of agent.yaml.
 *
 * @param link what the old file describes
 */
export function agentSettingsOf({ level, addresses, trust, keyFile }: OldLink): OurAgentSettings {
  const key = keyFile === undefined ? {} : { key: { ...OLD_KEY, file: keyFile } };
  return { central: { addresses, level, ...key, ...(trust === undefined ? {} : { trust }) } };
}

/**
 * Writes what an old collector accepts in the words of central.yaml: its own level, and those of agents that join.
 *
 * @param link what the old file describes
 */
export function centralSettingsOf({ level, keyFile }: OldLink): OurCentralSettings {
  if (keyFile === undefined) {
    return {
      agents: { levels: ["tls", "mtls"] },
      plaintext: { bind: "public", port: PLAINTEXT_PORT, host: "::" },
    };
  }
  return {
    agents: { levels: ["tls", "mtls", level] },
    plaintext: { bind: "off" },
    keys: [{ ...OLD_KEY, file: keyFile }],
  };
}

/**
 * Writes settings as the text of a YAML file.
 *
 * @param settings in the words of agent.yaml or central.yaml
 * @param origin name of the old file, for people
 */
export function formatOurSettings(
  settings: OurAgentSettings | OurCentralSettings,
  origin: string,
): string {
  const head = `# Taken over from ${shownName(origin)} by 'tautline config import'.\n`;
  return head + stringify(settings, { lineWidth: 0 });
}
