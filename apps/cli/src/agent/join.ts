import { resolve } from "node:path";
import { TautlineError } from "@tautline/protocol";
import type { CommandContext } from "../context.ts";
import type { ExitCode } from "../exit-code.ts";
import { findDataFolder } from "../data-folder.ts";
import type { DefineVerb } from "../noun.ts";
import { findJoinToken } from "./join-token.ts";

interface JoinOptions {
  readonly tokenFile?: string;
  readonly config?: string;
  readonly data?: string;
  readonly name?: string;
  readonly run?: boolean;
  readonly wait: boolean;
}

/** `tautline agent join`: enrols this host; with `--run` the same process then is the agent. */
export const joinAgentVerb: DefineVerb = (command, context) => {
  command
    .summary("enrol this host")
    .description(
      "Enrols this host with a join token: the agent makes its own keys, checks central by the token's pin before it " +
        "says anything, and drops the token once central has answered it as itself. Interrupted at any point, it goes on " +
        "when it is started again.",
    )
    .argument(
      "[token]",
      "the join token; the one secret that may stand in a command line, being for one use",
    )
    .option("--token-file <file>", "read the token from here instead (- for standard input)")
    .option(
      "--config <file>",
      "settings file (default: agent.yaml in the data folder, if there is one)",
    )
    .option("--data <dir>", "the agent's data folder (or TAUTLINE_DATA)")
    .option("--name <name>", "a name for people (default: the host's)")
    .option("--run", "stay and run the agent; without it, exit 0 once the agent is active")
    .option(
      "--no-wait",
      "where an operator has to approve, exit 0 at once; a later 'agent join' or 'agent run' goes on",
    )
    .addHelpText(
      "after",
      "\nThe token may also stand in TAUTLINE_TOKEN. Make one at central: tautline tokens create",
    )
    .action(async (argument: string | undefined, options: JoinOptions) => {
      const token = await findJoinToken(argument, options.tokenFile, context);
      await join(token, options, context);
    });
};

async function join(
  token: string | undefined,
  options: JoinOptions,
  context: CommandContext,
): Promise<void> {
  const { joinAgent } = await import("@tautline/agent/main");
  const { config, name, run, wait } = options;
  if (!wait && run === true) {
    const detail = {
      reason: "--run and --no-wait cannot be used together",
      command: "tautline agent join",
    };
    throw new TautlineError("cli.usage", { detail });
  }
  const code = await joinAgent(
    {
      ...(token === undefined ? {} : { token }),
      ...(config === undefined ? {} : { config: resolve(context.cwd, config) }),
      data: findDataFolder("agent", options.data, context),
      ...(name === undefined ? {} : { name }),
      run: run === true,
      noWait: !wait,
      json: context.output.json,
    },
    {
      stdout: (line) => context.output.text(`${line}\n`),
      note: (line) => context.output.note(line),
      signal: context.takeSignals().stop,
    },
  );
  context.endWith(code as ExitCode);
}
