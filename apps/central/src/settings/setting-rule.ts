import {
  type AgentSettings,
  formatAgentSettings,
  isTautlineError,
  parseAgentSettings,
  TautlineError,
} from "@tautline/protocol";

const PREFIX = "agents.";
const LABELS = "labels.";

/** A setting as it is kept: `agents.heartbeatSeconds`, `agents.labels.site`, always with a text value. */
export interface Setting {
  /** Empty for every namespace. */
  readonly namespace: string;
  readonly key: string;
  readonly value: string;
}

/**
 * Lays a namespace's settings over those of every namespace and gives the document its agents are sent.
 *
 * @param settings all kept settings
 * @param namespace whose agents
 * @returns canonical JSON; `{}` while nothing is set for them
 */
export function settingsDocument(settings: readonly Setting[], namespace: string): string {
  const layers = ["", namespace].flatMap((layer) =>
    settings.filter((setting) => setting.namespace === layer && setting.key.startsWith(PREFIX)),
  );
  const merged = new Map(layers.map(({ key, value }) => [key.slice(PREFIX.length), value]));
  return formatAgentSettings(documentOf(merged));
}

/**
 * Refuses a setting that agents would not take, before it is kept.
 *
 * @param key `agents.<key>` or `agents.labels.<name>`
 * @param value the text given by the operator
 * @throws api.invalid naming the key and the reason
 */
export function requireSetting(key: string, value: string): void {
  if (!key.startsWith(PREFIX)) {
    throw new TautlineError("api.invalid", {
      detail: { path: key, reason: "unknown key; it starts with 'agents.'" },
    });
  }
  try {
    parseAgentSettings(JSON.stringify(documentOf(new Map([[key.slice(PREFIX.length), value]]))));
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    const reason = String(error.detail["reason"] ?? error.message);
    throw new TautlineError("api.invalid", { cause: error, detail: { path: key, reason } });
  }
}

function documentOf(values: ReadonlyMap<string, string>): Partial<AgentSettings> {
  const document: Record<string, unknown> = {};
  const labels: Record<string, string> = {};
  for (const [key, value] of values) {
    if (key.startsWith(LABELS)) labels[key.slice(LABELS.length)] = value;
    else document[key] = /^\d+$/.test(value) ? Number(value) : value;
  }
  if (Object.keys(labels).length > 0) document["labels"] = labels;
  return document;
}
