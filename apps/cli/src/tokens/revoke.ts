import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import type { DefineVerb } from "../noun.ts";

interface RevokeOptions extends CentralOptions {
  readonly yes?: boolean;
}

/** `tautline tokens revoke ID`: nobody joins with it any more; agents that did stay. */
export const revokeToken: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("end a token at once")
    .description("Ends a token at once. Agents that joined with it stay.")
    .argument("<id>", "as 'tautline tokens list' prints it")
    .option("--yes", "do not ask")
    .action(async (id: string, options: RevokeOptions) => {
      await confirm(`Revoke token ${id}?`, options.yes === true, context);
      const client = createAdminClient(context, options);
      const answer = await client.post({ path: ["tokens", id, "revoke"] });
      await context.output.print({ id, ...answer }, () => `Token ${id} is revoked.`);
    });
};
