import type { Command } from "commander";

/** The option of every verb that asks a central. */
export interface CentralOptions {
  readonly data?: string;
}

/**
 * Adds `--data DIR`, which says whose admin socket is asked.
 *
 * @param command the verb
 */
export function withCentral(command: Command): Command {
  return command.option(
    "--data <dir>",
    "central's data folder (or TAUTLINE_DATA; default ./data/central, else /var/lib/tautline/central)",
  );
}
