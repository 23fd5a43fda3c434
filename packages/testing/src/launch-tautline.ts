import { fileURLToPath } from "node:url";
import { launchProcess, type LaunchedProcess, type LaunchOptions } from "./launch-process.ts";

/** Names the bundled program, as it is released; without it the sources run, as they do in a clone. */
const PROGRAM = "TAUTLINE_PROGRAM";

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
  const [command, ...words] = tautlineCommand();
  return launchProcess({ ...options, command, args: [...words, ...args] });
}

/**
 * The words that start the `tautline` command.
 *
 * @returns the bundled program under this Node where the environment names one, else `bin/tautline`
 */
export function tautlineCommand(): readonly [string, ...string[]] {
  const program = process.env[PROGRAM];
  return program === undefined ? [EXECUTABLE] : [process.execPath, program];
}
