import type { Vault } from "@tautline/vault";
import type { AgentState } from "./agent-state.ts";
import { loadSettings, saveSettings } from "./settings-file.ts";
import { nextState, type SettingsEvent } from "./settings-rule.ts";

/** The agent's state, in memory and on disk always the same. */
export interface SettingsStore {
  /** Undefined before the first join. */
  readonly state: AgentState | undefined;
  /**
   * Moves the state by the rule and returns only when it is on disk; if it throws, the old state stands in both places.
   *
   * @throws agent.out_of_order, vault.file_failed
   */
  apply(event: SettingsEvent): AgentState;
}

/**
 * Opens the state of a data folder; the caller holds the folder's lock.
 *
 * @param file path of settings.json
 * @param vault the agent's own, open
 * @throws agent.settings_damaged
 */
export function openSettingsStore(file: string, vault: Vault): SettingsStore {
  let state = loadSettings(file, vault);
  return {
    get state() {
      return state;
    },
    apply(event) {
      const next = nextState(state, event);
      saveSettings(file, vault, next);
      state = next;
      return next;
    },
  };
}
