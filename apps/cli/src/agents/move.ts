import { type Level, parseAgentId } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { levelValue } from "../option-values.ts";

interface MoveOptions extends CentralOptions {
  readonly level: Level;
}

/** `tautline agents move ID --level LEVEL`: an order that the agent tries before it follows it. */
export const moveAgent: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("order an agent to climb to a level")
    .description(
      "Orders an agent that has joined to climb to a level: by a signed instruction, now or when it comes. It tries the level first, stays there once " +
        "central has answered it, and says why where it cannot; until then it keeps the level it has. Nothing lowers a level from here.",
    )
    .argument("<id>", "the agent's id; a name is only a label and is not taken here")
    .requiredOption("--level <level>", "plaintext, basic, advanced, tls or mtls", levelValue)
    .action(async (idText: string, options: MoveOptions) => {
      const id = parseAgentId(idText);
      const { level } = options;
      await createAdminClient(context, options).post({ path: ["agents", id, "move"] }, { level });
      await context.output.print(
        { id, level },
        () =>
          `Agent ${id} is to climb to ${level}; 'tautline agents show ${id}' tells how it went.`,
      );
    });
};
