import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import type { DefineVerb } from "../noun.ts";

interface DisableOptions extends CentralOptions {
  readonly yes?: boolean;
}

/** `tautline operators disable NAME`: refused from the next call on, open connections closed. */
export const disableOperator: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("end an operator's token and close its connections")
    .description(
      "Ends an operator's token at once and closes its open connections. The name is not given to anybody else, " +
        "so that the audit trail stays true.",
    )
    .argument("<name>", "as 'tautline operators list' prints it")
    .option("--yes", "do not ask")
    .action(async (name: string, options: DisableOptions) => {
      await confirm(`Disable operator ${name}?`, options.yes === true, context);
      const client = createAdminClient(context, options);
      const answer = await client.post({ path: ["operators", name, "disable"] });
      await context.output.print({ name, ...answer }, () => `Operator ${name} is disabled.`);
    });
};
