import type { Command } from "commander";

/** The options of every verb that asks a central. */
export interface CentralOptions {
  /** Folder of a central on this host. */
  readonly data?: string;
  /** A context that `tautline login` stored. */
  readonly context?: string;
}

/**
 * Adds `--data DIR`, which says whose admin socket is asked, and `--context NAME` for a central elsewhere.
 *
 * @param command the verb
 */
export function withCentral(command: Command): Command {
  return command
    .option(
      "--data <dir>",
      "central's data folder on this host (or TAUTLINE_DATA; default ./data/central, else /var/lib/tautline/central)",
    )
    .option("--context <name>", "a central that 'tautline login' stored; --data wins over it");
}
