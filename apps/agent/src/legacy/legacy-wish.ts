import { compareLevels, TautlineError, type Level } from "@tautline/protocol";
import type { AgentConfig } from "../config.ts";
import type { KeySetting } from "../control/key-file.ts";
import { parseCentralUrl } from "./central-url.ts";

/** What `agent run` was told of running without an identity. */
export interface LegacyFlags {
  /** Where central is, as `parseCentralUrl` reads it. */
  readonly central: string;
  /** Undefined where the settings file or files of a PKI say it. */
  readonly level?: Level | undefined;
  readonly keyFile?: string | undefined;
  /** `name` or `name#version`. */
  readonly keyName?: string | undefined;
  readonly name?: string | undefined;
  /** Authorities to verify central by. */
  readonly caFile?: string | undefined;
  /** SHA-256 of the SPKI of a certificate in central's chain. */
  readonly pins?: readonly string[] | undefined;
}

/** What of the host such an agent hangs on. */
export interface LegacyHost {
  /** The name where nobody gave one. */
  readonly hostName: string;
  /** The level that files of an existing PKI give; undefined where there are none. */
  readonly filesLevel: "tls" | "mtls" | undefined;
}

/** How an agent without an identity runs. */
export interface LegacyWish {
  readonly addresses: readonly string[];
  readonly level: Level;
  readonly key: KeySetting;
  readonly name: string;
}

/**
 * Puts together how an agent without an identity is to run: flags first, then the settings file.
 *
 * @param flags undefined where none were given
 * @param config the settings file
 * @param host its name, and what files give
 * @returns undefined where nobody asked for such an agent
 * @throws agent.central_url, agent.legacy_address, agent.legacy_level, agent.level_missing,
 *   agent.key_missing
 */
export function legacyWish(
  flags: LegacyFlags | undefined,
  { central, name }: Pick<AgentConfig, "central" | "name">,
  { hostName, filesLevel }: LegacyHost,
): LegacyWish | undefined {
  const level = levelOf(flags, central.level, filesLevel);
  if (level === undefined) return undefined;
  // mtls is what an agent has that joined: nobody asked for one without.
  if (flags === undefined && level === "mtls" && filesLevel === undefined) return undefined;
  const reason = reasonAgainst(level, filesLevel);
  if (reason !== undefined) {
    throw new TautlineError("agent.legacy_level", { detail: { level, reason } });
  }
  const addresses = addressesOf(flags, central.addresses, level);
  const key = keyOf(flags, central.key);
  const needsKey = level === "basic" || level === "advanced";
  if (needsKey && key.file === undefined) throw new TautlineError("agent.key_missing");
  return { addresses, level, key, name: flags?.name ?? name ?? hostName };
}

/** SW-5: the files of a PKI switch TLS on by themselves. */
function levelOf(
  flags: LegacyFlags | undefined,
  configured: Level | undefined,
  filesLevel: LegacyHost["filesLevel"],
): Level | undefined {
  const level = flags?.level ?? configured ?? filesLevel;
  if (flags !== undefined && level === undefined) throw new TautlineError("agent.level_missing");
  return level;
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

/** What is asked for and what the files give must be the same: no end guesses which of the two was meant (SWP-1). */
function reasonAgainst(level: Level, filesLevel: LegacyHost["filesLevel"]): string | undefined {
  if (level === filesLevel) return undefined;
  const needsFiles = compareLevels(level, "tls") >= 0;
  if (filesLevel === undefined) {
    return needsFiles ? "it has nothing to verify central by" : undefined;
  }
  return compareLevels(level, filesLevel) < 0
    ? `its files switch ${filesLevel} on`
    : "it has no certificate of its own to show";
}
