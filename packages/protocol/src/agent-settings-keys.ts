import { refusedSetting } from "./agent-setting-refusal.ts";
import { judgeForwardPlaces } from "./forward-places.ts";
import { isForbiddenKey } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { isPrintable } from "./printable-text.ts";

/** The log levels, most to least. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** How much an agent writes to its log. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What central may set on an agent remotely; no key of it carries a command, a user or a path (DESIGN "Control"). */
export interface AgentSettings {
  readonly heartbeatSeconds: number;
  readonly logLevel: LogLevel;
  readonly labels: Readonly<Record<string, string>>;
  /** Names and where each listens, "127.0.0.1:5432"; left out where there are none, as agents of before know no such key. */
  readonly forwards?: Readonly<Record<string, string>>;
}

/** One row of the reference page docs/reference/agent-settings.md. */
export interface AgentSettingKey<Value> {
  /** `word` is written bare on a command line, the others as JSON. */
  readonly type: "integer" | "word" | "labels" | "forwards";
  readonly unit: string | null;
  readonly range: string;
  readonly default: Value;
  readonly meaning: string;
  /** Gives the value back when it is of the range, else throws value.agent_settings with the path. */
  readonly judge: (value: unknown, path: string) => Value;
}

const LABEL_KEY = /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/;
const { heartbeatSecondsMin, heartbeatSecondsMax, settingsForwards, settingsLabels } = LIMITS;
const { settingsLabelKeyCharacters, settingsLabelValueCharacters } = LIMITS;

/** Every agent setting: its type, range, default and meaning; parser, reference page and commands come from it. */
export const AGENT_SETTINGS_KEYS: {
  readonly [Key in keyof AgentSettings]-?: AgentSettingKey<Required<AgentSettings>[Key]>;
} = {
  forwards: {
    type: "forwards",
    unit: null,
    range:
      `at most ${settingsForwards.value} forwards; names are DNS labels in lower case; each listens at 127.0.0.1:PORT or [::1]:PORT, ` +
      "no two at the same",
    default: Object.freeze({}),
    meaning:
      "Forwards besides those of the agent's own file, one by one: `agents.forwards.db 127.0.0.1:5432`. An agent takes the settings only if its `remoteForwards` list each.",
    judge: judgeForwardPlaces,
  },
  heartbeatSeconds: {
    type: "integer",
    unit: "seconds",
    range: `${heartbeatSecondsMin.value} to ${heartbeatSecondsMax.value}`,
    default: 30,
    meaning: "How often the agent tells central that it is alive.",
    judge: judgeHeartbeat,
  },
  labels: {
    type: "labels",
    unit: null,
    range:
      `at most ${settingsLabels.value} labels; keys of lower-case letters, digits and inner hyphens, starting with a letter, ` +
      `at most ${settingsLabelKeyCharacters.value} characters; values at most ${settingsLabelValueCharacters.value} printable characters`,
    default: Object.freeze({}),
    meaning: "Labels that sort agents for people and selectors.",
    judge: judgeLabels,
  },
  logLevel: {
    type: "word",
    unit: null,
    range: LOG_LEVELS.join(", "),
    default: "info",
    meaning: "How much the agent writes to its log.",
    judge: judgeLogLevel,
  },
};

function judgeHeartbeat(value: unknown, path: string): number {
  const min = heartbeatSecondsMin.value;
  const max = heartbeatSecondsMax.value;
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw refusedSetting(path, `it is not a whole number from ${min} to ${max}`);
  }
  return value;
}

function judgeLogLevel(value: unknown, path: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value);
  if (level === undefined) throw refusedSetting(path, `it is not one of ${LOG_LEVELS.join(", ")}`);
  return level;
}

function judgeLabels(value: unknown, path: string): Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refusedSetting(path, "it is not an object of labels");
  }
  const entries: [string, unknown][] = Object.entries(value);
  if (entries.length > settingsLabels.value) {
    throw refusedSetting(path, `it has more than ${settingsLabels.value} labels`);
  }
  const judged = entries.map(([key, text]) => [key, judgeLabel(text, path, key)] as const);
  return Object.freeze(Object.fromEntries(judged.sort(([a], [b]) => (a < b ? -1 : 1))));
}

function judgeLabel(text: unknown, labelsPath: string, key: string): string {
  const path = `${labelsPath}.${key}`;
  const isKey =
    key.length <= settingsLabelKeyCharacters.value && LABEL_KEY.test(key) && !isForbiddenKey(key);
  if (!isKey) throw refusedSetting(path, "this cannot be the key of a label");
  const max = settingsLabelValueCharacters.value;
  if (typeof text !== "string" || !isPrintable(text, max)) {
    throw refusedSetting(path, `it is not a text of at most ${max} printable characters`);
  }
  return text;
}
