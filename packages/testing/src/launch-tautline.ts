import { fileURLToPath } from "node:url";
import { launchProcess, type LaunchedProcess, type LaunchOptions } from "./launch-process.ts";

const EXECUTABLE = fileURLToPath(new URL("../../../bin/tautline", import.meta.url));

/**
 * Starts the `tautline` command as a user would, in a bare environment.
 *
 * @param args the verb and its flags, as CLI.md lists them
 */
export function launchTautline(
  args: readonly string[],
  options: Omit<LaunchOptions, "command" | "args"> = {},
): LaunchedProcess {
  return launchProcess({ ...options, command: EXECUTABLE, args });
}
