import { createHash } from "node:crypto";
import {
  AGENT_SETTINGS_FILE,
  canonicalConfigMap,
  equalBytes,
  parseAgentSettings,
  TautlineError,
  type AgentRemoteConfig,
  type AgentSettings,
  type Instruction,
} from "@tautline/protocol";

/**
 * Reads the settings that an accepted instruction is about, after proving that they are what was signed.
 *
 * @param instruction signed, judged and of kind "settings"
 * @param remoteConfig the OpAMP offer that came with it
 * @throws instruction.digest_mismatch, instruction.malformed, value.agent_settings
 */
export function readSettingsInstruction(
  instruction: Instruction,
  remoteConfig: AgentRemoteConfig | undefined,
): AgentSettings {
  const map = remoteConfig?.config;
  if (remoteConfig === undefined || map === undefined) {
    throw new TautlineError("instruction.digest_mismatch");
  }
  const digest = createHash("sha256").update(canonicalConfigMap(map)).digest();
  if (!equalBytes(digest, instruction.digest) || !equalBytes(digest, remoteConfig.configHash)) {
    throw new TautlineError("instruction.digest_mismatch");
  }
  const [file, ...others] = Object.keys(map.configMap);
  const body = map.configMap[AGENT_SETTINGS_FILE]?.body;
  if (file !== AGENT_SETTINGS_FILE || others.length > 0 || body === undefined) {
    const reason = `it must hold the one file '${AGENT_SETTINGS_FILE}'`;
    throw new TautlineError("instruction.malformed", { detail: { reason } });
  }
  return parseAgentSettings(textOf(body));
}

function textOf(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    const reason = "the settings are not UTF-8 text";
    throw new TautlineError("instruction.malformed", { cause, detail: { reason } });
  }
}
