import type { ExitCode } from "../exit-code.ts";
import { confirm } from "../confirm.ts";
import { findDataFolder } from "../data-folder.ts";
import type { DefineVerb } from "../noun.ts";

interface LeaveOptions {
  readonly data?: string;
  readonly force?: boolean;
  readonly yes?: boolean;
}

/** `tautline agent leave`: wipes nothing before central has acknowledged. */
export const leaveAgentVerb: DefineVerb = (command, context) => {
  command
    .summary("leave central, and wipe this host's agent")
    .description(
      "Tells central, as the agent of this host, that it leaves; central revokes it. Once that is acknowledged the agent's " +
        "keys, certificates, vault and trail are removed from its data folder. An agent that runs has to be stopped first.",
    )
    .option("--data <dir>", "the agent's data folder (or TAUTLINE_DATA)")
    .option("--force", "wipe this host and tell central nothing; revoke the agent there yourself")
    .option("--yes", "do not ask")
    .action(async (options: LeaveOptions) => {
      const data = findDataFolder("agent", options.data, context);
      const question = `Leave central and wipe the agent in ${data}? It cannot be undone.`;
      await confirm(question, options.yes === true, context);
      const { leaveAgent } = await import("@tautline/agent/main");
      const code = await leaveAgent(
        { data, force: options.force === true, json: context.output.json },
        {
          stdout: (line) => context.output.text(`${line}\n`),
          signal: context.takeSignals().stop,
        },
      );
      context.endWith(code as ExitCode);
    });
};
