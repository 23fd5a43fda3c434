import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import type { DefineVerb } from "../noun.ts";

interface RevokeOptions extends CentralOptions {
  readonly token?: string;
  readonly yes?: boolean;
}

/** `tautline clients revoke NAME`: links that use it end within 5 s. */
export const revokeClient: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("end a client with all its tokens, or one of them")
    .description(
      "Ends a client with all its tokens, or one token. Connections whose calls used one are ended within 5 s. The name of a client " +
        "that was ended whole is free again.",
    )
    .argument("<name>", "as 'tautline clients list' prints it")
    .option("--token <id>", "this token alone")
    .option("--yes", "do not ask")
    .action(async (name: string, { token, yes, ...options }: RevokeOptions) => {
      const what = token === undefined ? `client ${name} with all its tokens` : `token ${token}`;
      await confirm(`Revoke ${what}?`, yes === true, context);
      const client = createAdminClient(context, options);
      await client.delete({ path: ["clients", name], query: { token } });
      const row = { name, ...(token !== undefined && { token }) };
      await context.output.print(row, () =>
        token === undefined ? `Client ${name} is revoked.` : `Token ${token} is revoked.`,
      );
    });
};
