import { compareLevels, TautlineError, type Level } from "@tautline/protocol";
import type { AgentConfig } from "../config.ts";
import type { KeySetting } from "../control/key-file.ts";
import { parseCentralUrl } from "./central-url.ts";

/** What `agent run` was told of running without an identity. */
export interface LegacyFlags {
  /** Where central is, as `parseCentralUrl` reads it. */
  readonly central: string;
  readonly level: Level;
  readonly keyFile?: string | undefined;
  /** `name` or `name#version`. */
  readonly keyName?: string | undefined;
  readonly name?: string | undefined;
}

/** The levels at which an agent without an identity may dial. */
export type LegacyLevel = Extract<Level, "plaintext" | "basic" | "advanced">;

/** How an agent without an identity runs. */
export interface LegacyWish {
  readonly addresses: readonly string[];
  readonly level: LegacyLevel;
  readonly key: KeySetting;
  readonly name: string;
}

/**
 * Puts together how an agent without an identity is to run: flags first, then the settings file.
 *
 * @param flags undefined where none were given
 * @param config the settings file
 * @param hostName the name where nobody gave one
 * @returns undefined where nobody asked for such an agent
 * @throws agent.central_url, agent.legacy_address, agent.legacy_level, agent.key_missing
 */
export function legacyWish(
  flags: LegacyFlags | undefined,
  { central, name }: Pick<AgentConfig, "central" | "name">,
  hostName: string,
): LegacyWish | undefined {
  const level = flags?.level ?? central.level;
  if (level === undefined) return undefined;
  // mtls is what an agent has that joined: nobody asked for one without.
  if (flags === undefined && level === "mtls") return undefined;
  if (!isLegacyLevel(level)) throw new TautlineError("agent.legacy_level", { detail: { level } });
  const addresses = addressesOf(flags, central.addresses, level);
  const key = keyOf(flags, central.key);
  if (level !== "plaintext" && key.file === undefined) throw new TautlineError("agent.key_missing");
  return { addresses, level, key, name: flags?.name ?? name ?? hostName };
}

function addressesOf(
  flags: LegacyFlags | undefined,
  configured: readonly string[],
  level: Level,
): readonly string[] {
  if (flags !== undefined) return [parseCentralUrl(flags.central, level)];
  if (configured.length === 0) throw new TautlineError("agent.legacy_address");
  return configured;
}

function keyOf(flags: LegacyFlags | undefined, configured: KeySetting): KeySetting {
  const { keyFile: file = configured.file, keyName: name = configured.name } = flags ?? {};
  return { name, namespace: configured.namespace, file };
}

function isLegacyLevel(level: Level): level is LegacyLevel {
  return compareLevels(level, "tls") < 0;
}
