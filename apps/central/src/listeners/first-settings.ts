import type { CentralConfig, CentralFlags } from "../config.ts";
import {
  type ListenerBind,
  type ListenerSettings,
  requireApart,
  SECURE_LEVELS,
  type SecureLevel,
} from "./listener-settings.ts";

/** What was set of the listeners while central ran; undefined where the settings file still decides. */
export interface KeptSettings {
  readonly agents: {
    readonly bind?: Exclude<ListenerBind, "off"> | undefined;
    readonly port?: number | undefined;
    readonly levels?: readonly SecureLevel[] | undefined;
  };
  readonly plaintext: {
    readonly bind?: ListenerBind | undefined;
    readonly port?: number | undefined;
  };
  readonly isShared?: boolean | undefined;
}

/**
 * Works out what the listeners begin with: the command line stands above what was set while central ran, and that above the file.
 *
 * @param config the settings file
 * @param flags what the command line said
 * @param kept what was set
 * @throws central.ports_equal
 */
export function firstSettings(
  config: Pick<CentralConfig, "agents" | "plaintext">,
  flags: CentralFlags,
  kept: KeptSettings,
): ListenerSettings {
  const { agents, plaintext } = config;
  const levels = SECURE_LEVELS.filter((level) => agents.levels.includes(level));
  const isOwnPort = flags.plaintextPort !== undefined;
  const settings: ListenerSettings = {
    agents: {
      bind: kept.agents.bind ?? "public",
      port: flags.agentsPort ?? kept.agents.port ?? agents.port,
      levels: kept.agents.levels ?? levels,
    },
    plaintext: {
      bind: isOwnPort ? "public" : (kept.plaintext.bind ?? plaintext.bind),
      port: flags.plaintextPort ?? kept.plaintext.port ?? plaintext.port,
    },
    isShared: !isOwnPort && (kept.isShared ?? agents.levels.includes("plaintext")),
  };
  requireApart(settings);
  return settings;
}
