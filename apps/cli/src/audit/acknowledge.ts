import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import type { DefineVerb } from "../noun.ts";

interface AcknowledgeOptions extends CentralOptions {
  readonly yes?: boolean;
}

/** `tautline audit acknowledge ID...` */
export const acknowledgeForks: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("say that a fork of the trail is as it should be")
    .description(
      "Says that a fork of the trail has a good reason, such as a backup that you restored. The evidence stays, and so does who " +
        "acknowledged it.",
    )
    .argument("<id...>", "ids of 'tautline audit forks'")
    .option("--yes", "do not ask")
    .action(async (ids: readonly string[], options: AcknowledgeOptions) => {
      const question = "Agents have seen another audit trail. Is there a good reason for it?";
      await confirm(question, options.yes === true, context);
      const client = createAdminClient(context, options);
      for (const id of ids) await client.post({ path: ["audit", "forks", id, "acknowledge"] });
      await context.output.print({ ids }, () => `Acknowledged: ${ids.join(", ")}.`);
    });
};
