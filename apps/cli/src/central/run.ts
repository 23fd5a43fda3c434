import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ExitCode } from "../exit-code.ts";
import { findDataFolder } from "../data-folder.ts";
import type { DefineVerb } from "../noun.ts";
import { portValue } from "../option-values.ts";

interface RunCentralOptions {
  readonly config?: string;
  readonly data?: string;
  readonly agentsPort?: number;
  readonly consolePort?: number;
  readonly plaintextPort?: number;
  readonly host?: string;
}

/** `tautline central run`: runs until SIGTERM or SIGINT, then drains and exits 0. */
export const runCentralVerb: DefineVerb = (command, context) => {
  command
    .summary("run the server until it is stopped")
    .description(
      "Runs the server until SIGTERM or Ctrl-C, then drains and exits 0. With --json prints one line when it is ready " +
        "to serve; the log goes to stderr either way. What the command line says stands above the settings file.",
    )
    .option(
      "--config <file>",
      "settings file (default: central.yaml in the data folder, if there is one)",
    )
    .option("--data <dir>", "data folder (or TAUTLINE_DATA)")
    .option("--agents-port <port>", "port that agents dial; 0 takes any free one", portValue)
    .option("--console-port <port>", "port of console and API; 0 takes any free one", portValue)
    .option(
      "--plaintext-port <port>",
      "open a port without any protection, for agents that cannot do better yet; 0 takes any free one",
      portValue,
    )
    .option("--host <address>", "address to listen on")
    .action(async (options: RunCentralOptions) => {
      const { runCentral } = await import("@tautline/central/main");
      const data = findDataFolder("central", options.data, context);
      const config = findConfig(options.config, data, context.cwd);
      const code = await runCentral(
        {
          ...options,
          ...(config === undefined ? {} : { config }),
          data,
          json: context.output.json,
        },
        {
          stdout: (line) => context.output.text(`${line}\n`),
          signal: context.takeSignals().stop,
        },
      );
      context.endWith(code as ExitCode);
    });
};

/** A settings file in the data folder is never passed over in silence (SWP-1). */
function findConfig(given: string | undefined, data: string, cwd: string): string | undefined {
  if (given !== undefined) return resolve(cwd, given);
  const inFolder = join(data, "central.yaml");
  return existsSync(inFolder) ? inFolder : undefined;
}
