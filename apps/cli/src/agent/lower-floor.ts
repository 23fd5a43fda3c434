import type { Level } from "@tautline/protocol";
import type { ExitCode } from "../exit-code.ts";
import { confirm } from "../confirm.ts";
import { findDataFolder } from "../data-folder.ts";
import type { DefineVerb } from "../noun.ts";
import { levelValue } from "../option-values.ts";

interface LowerFloorOptions {
  readonly data?: string;
  readonly yes?: boolean;
}

/** `tautline agent lower-floor`: nothing that arrives over the network can do what this does. */
export const lowerFloorVerb: DefineVerb = (command, context) => {
  command
    .summary("let this host's agent dial at a lower level than it has proven")
    .description(
      "An agent remembers the highest level that it has proven with its central, and refuses to start with a setting " +
        "that asks for less. This lets it, on this host alone. The agent has to be stopped first.",
    )
    .argument(
      "<level>",
      "the lowest level from now on: plaintext, basic, advanced or tls",
      levelValue,
    )
    .option("--data <dir>", "the agent's data folder (or TAUTLINE_DATA)")
    .option("--yes", "do not ask")
    .action(async (level: Level, options: LowerFloorOptions) => {
      const data = findDataFolder("agent", options.data, context);
      const question = `Let the agent in ${data} dial at ${level}, with less protection than it has proven?`;
      await confirm(question, options.yes === true, context);
      const { lowerAgentFloor } = await import("@tautline/agent/main");
      const code = await lowerAgentFloor(
        { level, data, json: context.output.json },
        {
          stdout: (line) => context.output.text(`${line}\n`),
          signal: context.takeSignals().stop,
        },
      );
      context.endWith(code as ExitCode);
    });
};
