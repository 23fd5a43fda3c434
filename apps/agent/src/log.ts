import { createLog, type LogLevel, type Logger } from "@tautline/daemon";
import { DEFAULT_AGENT_SETTINGS } from "@tautline/protocol";
import type { AgentConfig } from "./config.ts";
import type { AgentState } from "./settings/agent-state.ts";

/** The agent's log: one JSON object a line on standard error, secrets censored. */
export function createAgentLog(config: AgentConfig): Logger {
  return createLog("agent", logLevel(config, undefined));
}

/**
 * How much is logged: what the local settings say, else what central set.
 *
 * @param config local settings
 * @param state undefined before the first join
 */
export function logLevel(config: AgentConfig, state: AgentState | undefined): LogLevel {
  if (config.log.level !== "central") return config.log.level;
  return (state?.state === "committed" ? state.last.settings : DEFAULT_AGENT_SETTINGS).logLevel;
}
