import { resolve } from "node:path";
import type { ExitCode } from "../exit-code.ts";
import { findDataFolder } from "../data-folder.ts";
import type { DefineVerb } from "../noun.ts";

interface RunOptions {
  readonly config?: string;
  readonly data?: string;
  readonly centralAddress?: readonly string[];
}

/** `tautline agent run`: runs a joined agent until SIGTERM or SIGINT. */
export const runAgentVerb: DefineVerb = (command, context) => {
  command
    .summary("run the agent that joined here")
    .description(
      "Runs the agent that joined here until SIGTERM or Ctrl-C. With --json prints one line at each first answer of " +
        "central; the log goes to stderr either way.",
    )
    .option(
      "--config <file>",
      "settings file (default: agent.yaml in the data folder, if there is one)",
    )
    .option("--data <dir>", "the agent's data folder (or TAUTLINE_DATA)")
    .option(
      "--central-address <host:port...>",
      "where to dial central first, this time; it must be the same central",
    )
    .action(async (options: RunOptions) => {
      const { runAgent } = await import("@tautline/agent/main");
      const code = await runAgent(
        {
          ...(options.config === undefined ? {} : { config: resolve(context.cwd, options.config) }),
          data: findDataFolder("agent", options.data, context),
          json: context.output.json,
          centralAddresses: options.centralAddress,
        },
        {
          stdout: (line) => context.output.text(`${line}\n`),
          signal: context.takeSignals().stop,
        },
      );
      context.endWith(code as ExitCode);
    });
};
