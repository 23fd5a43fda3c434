import { parseAgentId } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import type { DefineVerb } from "../noun.ts";

interface RevokeOptions extends CentralOptions {
  readonly yes?: boolean;
}

/** `tautline agents revoke ID`: by id only, because a name is just a label (A3). */
export const revokeAgent: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("end an agent's identity and close its links")
    .description(
      "Ends an agent's identity: its certificates are refused from now on and its live links are closed. " +
        "It cannot be undone; the host joins again with a new token and an empty data folder.",
    )
    .argument("<id>", "the agent's id; a name is only a label and is not taken here")
    .option("--yes", "do not ask")
    .action(async (idText: string, options: RevokeOptions) => {
      const id = parseAgentId(idText);
      await confirm(`Revoke agent ${id}? It cannot be undone.`, options.yes === true, context);
      const client = createAdminClient(context, options);
      const answer = await client.post({ path: ["agents", id, "revoke"] });
      await context.output.print(
        { id, ...answer },
        () => `Agent ${id} is revoked; its links are closed.`,
      );
    });
};
