import { parseAgentId } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import type { DefineVerb } from "../noun.ts";

interface ReplaceOptions extends CentralOptions {
  readonly with: string;
  readonly yes?: boolean;
}

/** `tautline agents replace OLD --with NEW`: for new hardware, which joined under an id and keys of its own. */
export const replaceAgent: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("give an agent's place to another one")
    .description(
      "Gives the place of an agent to one that has joined meanwhile, as when hardware is replaced: the new one takes over " +
        "its name and whatever else belongs to it, the old one is revoked. Keys and certificates never go over.",
    )
    .argument("<old>", "id of the agent whose place it is")
    .requiredOption("--with <new>", "id of the agent that takes it")
    .option("--yes", "do not ask")
    .action(async (oldText: string, options: ReplaceOptions) => {
      const old = parseAgentId(oldText);
      const fresh = parseAgentId(options.with);
      const question = `Give the place of agent ${old} to ${fresh}, and revoke ${old}? It cannot be undone.`;
      await confirm(question, options.yes === true, context);
      const client = createAdminClient(context, options);
      await client.post({ path: ["agents", old, "replace"] }, { with: fresh });
      await context.output.print(
        { old, with: fresh },
        () => `Agent ${fresh} has taken the place of ${old}, which is revoked.`,
      );
    });
};
