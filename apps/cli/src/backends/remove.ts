import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import type { DefineVerb } from "../noun.ts";

interface RemoveOptions extends CentralOptions {
  readonly yes?: boolean;
}

/** `tautline backends remove NAME`: its calls end, and its routes are free. */
export const removeBackend: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("carry nothing to a backend any more")
    .description("Removes a backend. Calls that run there are given 2 s and then ended.")
    .argument("<name>", "as 'tautline backends list' prints it")
    .option("--yes", "do not ask")
    .action(async (name: string, options: RemoveOptions) => {
      await confirm(`Remove backend ${name}?`, options.yes === true, context);
      await createAdminClient(context, options).delete({ path: ["backends", name] });
      await context.output.print({ name }, () => `Backend ${name} is removed.`);
    });
};
