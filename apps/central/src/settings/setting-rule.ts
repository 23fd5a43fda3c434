import {
  type AgentSettings,
  findAddressFault,
  formatAgentSettings,
  isTautlineError,
  parseAgentSetting,
  TautlineError,
} from "@tautline/protocol";

const PREFIX = "agents.";
/** What is set entry by entry, so that each layer adds to those below it. */
const GROUPS = ["forwards", "labels"] as const;
/** Where agents dial central: not one of their settings, but an instruction of its own. */
export const ADDRESSES_KEY = "central.addresses";

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
 * @throws value.agent_settings, which settings that `requireSetting` and `requireTogether` let pass never do
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
 * @param key `agents.<key>`, `agents.labels.<name>` or `agents.forwards.<name>`
 * @param value the text given by the operator
 * @throws api.invalid naming the key and the reason
 */
export function requireSetting(key: string, value: string): void {
  if (key === ADDRESSES_KEY) {
    const fault = findAddressFault(readAddressSetting(value));
    if (fault !== undefined) throw refused(key, fault);
    return;
  }
  if (!key.startsWith(PREFIX)) {
    throw refused(key, `there is no such key; it is '${ADDRESSES_KEY}' or starts with '${PREFIX}'`);
  }
  const group = GROUPS.find((one) => key === PREFIX + one);
  if (group !== undefined) throw refused(key, `${group} are set one by one: ${key}.<name>`);
  try {
    settingsDocument([{ namespace: "", key, value }], "");
  } catch (error) {
    throw explain(error, key);
  }
}

/**
 * Reads the value of `central.addresses`.
 *
 * @param value `host:port` each, with commas or blanks between
 */
export function readAddressSetting(value: string): string[] {
  return value.split(/[\s,]+/).filter(Boolean);
}

/**
 * Refuses a setting that is right by itself, but not with what else is set: each namespace has its limits over all layers.
 *
 * @param settings all settings, the new one among them
 * @param namespaces those that the new one is for
 * @param key the new one's key, for the message
 * @throws api.invalid naming the key, the namespace and the reason
 */
export function requireTogether(
  settings: readonly Setting[],
  namespaces: readonly string[],
  key: string,
): void {
  for (const namespace of namespaces) {
    try {
      settingsDocument(settings, namespace);
    } catch (error) {
      throw explain(error, key, `with what else is set for namespace ${namespace}, `);
    }
  }
}

function groupOf(key: string): (typeof GROUPS)[number] | undefined {
  return GROUPS.find((group) => key.startsWith(`${group}.`));
}

function documentOf(values: ReadonlyMap<string, string>): Partial<AgentSettings> {
  const entries = [...values];
  const plain = entries.filter(([key]) => groupOf(key) === undefined);
  const parts = plain.map(([key, text]) => parseAgentSetting(key, text));
  // Entries become own properties, whatever they are called; the judge then refuses names that reach a prototype (A19).
  const groups = GROUPS.map((group) => {
    const named = entries.filter(([key]) => groupOf(key) === group);
    const own = Object.fromEntries(named.map(([key, text]) => [key.slice(group.length + 1), text]));
    return named.length === 0 ? {} : { [group]: own };
  });
  return Object.assign({}, ...parts, ...groups);
}

function explain(error: unknown, key: string, before = ""): unknown {
  if (!isTautlineError(error)) return error;
  return refused(key, `${before}${String(error.detail["reason"])}`, error);
}

function refused(path: string, reason: string, cause?: unknown): TautlineError {
  return new TautlineError("api.invalid", { cause, detail: { path, reason } });
}
