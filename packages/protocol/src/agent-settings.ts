import { refusedSetting } from "./agent-setting-refusal.ts";
import { AGENT_SETTINGS_KEYS, type AgentSettings } from "./agent-settings-keys.ts";
import { TautlineError, isTautlineError } from "./error.ts";
import { parseJson } from "./json.ts";
import { LIMITS } from "./limits.ts";

type Key = keyof AgentSettings;

const DOCUMENT = "the document";

/** The key of these settings in OpAMP's AgentConfigMap. */
export const AGENT_SETTINGS_FILE = "tautline.json";

/** What an agent does until central says otherwise. */
export const DEFAULT_AGENT_SETTINGS: AgentSettings = Object.freeze({
  heartbeatSeconds: AGENT_SETTINGS_KEYS.heartbeatSeconds.default,
  logLevel: AGENT_SETTINGS_KEYS.logLevel.default,
  labels: AGENT_SETTINGS_KEYS.labels.default,
});

/**
 * Reads agent settings strictly: unknown keys and values out of range are refused with their path, keys left out take
 * their default.
 *
 * @param jsonText a JSON object of at most 64 KiB
 * @throws value.agent_settings
 */
export function parseAgentSettings(jsonText: string): AgentSettings {
  return Object.freeze({
    ...DEFAULT_AGENT_SETTINGS,
    ...judged(parseLimitedJson(DOCUMENT, jsonText)),
  });
}

/**
 * Writes agent settings as canonical JSON: only the given keys, in order, without spaces; the same settings give the same
 * bytes.
 *
 * @param settings some of the settings
 * @throws value.agent_settings
 */
export function formatAgentSettings(settings: Partial<AgentSettings>): string {
  return JSON.stringify(judged(settings));
}

/**
 * Reads one agent setting as a person writes it on a command line.
 *
 * @param key a key of `AGENT_SETTINGS_KEYS`
 * @param text the value: a number, a word, or for labels and forwards a JSON object such as {"site":"berlin"}
 * @returns settings with that one key
 * @throws value.agent_settings
 */
export function parseAgentSetting(key: string, text: string): Partial<AgentSettings> {
  if (!isKey(key)) throw refusedSetting(key, "there is no such key");
  return judged({ [key]: valueOf(key, text) });
}

function valueOf(key: Key, text: string): unknown {
  const { type } = AGENT_SETTINGS_KEYS[key];
  if (type === "labels" || type === "forwards") return parseLimitedJson(key, text);
  // Text that is no number stays text, so that the key's own judge says what it should be.
  return type === "integer" && /^[0-9]{1,15}$/.test(text) ? Number(text) : text;
}

/** The keys present, in order, each with its judged value. */
function judged(document: unknown): Partial<AgentSettings> {
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw refusedSetting(DOCUMENT, "it is not a JSON object");
  }
  const entries = Object.entries(document)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]: [string, unknown]) => [key, judgeValue(key, value)]);
  return Object.fromEntries(entries) as Partial<AgentSettings>;
}

function judgeValue(key: string, value: unknown): unknown {
  if (!isKey(key)) throw refusedSetting(key, "there is no such key");
  return AGENT_SETTINGS_KEYS[key].judge(value, key);
}

function isKey(key: string): key is Key {
  return Object.hasOwn(AGENT_SETTINGS_KEYS, key);
}

function parseLimitedJson(path: string, jsonText: string): unknown {
  const limits = { maxBytes: LIMITS.settingsBytes.value, maxDepth: LIMITS.jsonDepth.value };
  try {
    return parseJson(jsonText, limits);
  } catch (cause) {
    if (!isTautlineError(cause)) throw cause;
    throw new TautlineError("value.agent_settings", {
      detail: { path, reason: String(cause.detail["reason"]) },
      cause,
    });
  }
}
