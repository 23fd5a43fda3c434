import { TautlineError } from "./error.ts";

/**
 * Makes the error for a setting that is refused.
 *
 * @param path the key, such as labels.site
 * @param reason why, as the end of a sentence
 */
export function refusedSetting(path: string, reason: string): TautlineError {
  return new TautlineError("value.agent_settings", { detail: { path, reason } });
}
