import { parseKeyName } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import type { DefineVerb } from "../noun.ts";
import { rowsOf, type Row } from "../row.ts";

interface DeleteKeyOptions extends CentralOptions {
  readonly yes?: boolean;
}

/** `tautline keys delete NAME`: asks, and says how many agents it cuts off. */
export const deleteKey: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("end a key with all its versions")
    .description(
      "Ends a key with all its versions: it opens nothing any more, and the links that it carries are closed within 5 s. " +
        "It cannot be undone; a key that is made again under the name is another one, and its versions are counted on.",
    )
    .argument("<name>", "as 'tautline keys list' prints it")
    .option("--yes", "do not ask")
    .action(async (nameText: string, options: DeleteKeyOptions) => {
      const name = parseKeyName(nameText);
      const client = createAdminClient(context, options);
      const key = await client.get({ path: ["keys", name] });
      const question = `Delete key ${name}? ${cutOffText(key)} It cannot be undone.`;
      await confirm(question, options.yes === true, context);
      await client.delete({ path: ["keys", name], query: { force: "true" } });
      await context.output.print(
        { name },
        () => `Key ${name} is deleted; it opens nothing any more.`,
      );
    });
};

function cutOffText(key: Row): string {
  const agents = rowsOf(key, "versions").reduce((sum, { agents: n }) => sum + Number(n ?? 0), 0);
  if (agents === 0) return "No agent is known to use it.";
  return agents === 1 ? "One agent is cut off by this." : `${agents} agents are cut off by this.`;
}
