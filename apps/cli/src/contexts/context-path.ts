import { join } from "node:path";
import type { Environment } from "../context.ts";

/**
 * Says where this user's contexts are kept.
 *
 * @param environment the variables of the command
 * @returns an absolute path, there or not; undefined where the user has no folder
 */
export function contextFile({ configDir }: Environment): string | undefined {
  return configDir === undefined ? undefined : join(configDir, "contexts.json");
}
