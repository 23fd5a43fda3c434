import { parseAgentId } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf, type Row } from "../row.ts";

interface DeleteOptions extends CentralOptions {
  readonly yes?: boolean;
}

const OVER = new Set(["revoked", "declined"]);
/** Nobody proved to be it, so there is nothing to revoke, and nothing that is kept from others. */
const CLAIMED = new Set(["unproven", "keyed"]);

/** `tautline agents delete ID`: asks, and says what of the agent is still alive. */
export const deleteAgent: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("forget an agent for good")
    .description(
      "Forgets an agent: its record and its instructions are gone, and neither its id nor its keys are ever taken again. " +
        "One that is not revoked yet is revoked by it. One without an identity may come again. The audit trail keeps what was done. It cannot be undone.",
    )
    .argument("<id>", "the agent's id; a name is only a label and is not taken here")
    .option("--yes", "do not ask")
    .action(async (idText: string, options: DeleteOptions) => {
      const id = parseAgentId(idText);
      const client = createAdminClient(context, options);
      const agent = await client.get({ path: ["agents", id] });
      await confirm(questionAbout(agent), options.yes === true, context);
      await client.delete({ path: ["agents", id], query: { force: "true" } });
      await context.output.print({ id }, () => `Agent ${id} is deleted; ${fateOf(agent)}.`);
    });
};

function fateOf(agent: Row): string {
  const isClaimed = CLAIMED.has(textOf(agent, "state"));
  return isClaimed ? "it may come again" : "its id and its keys are never taken again";
}

function questionAbout(agent: Row): string {
  const state = textOf(agent, "state");
  const what = `Delete agent ${textOf(agent, "id")} (${textOf(agent, "name")})?`;
  if (CLAIMED.has(state)) return `${what} It has no identity, and may come again.`;
  const alive = OVER.has(state) ? "" : ` It is ${state}, and is revoked by this.`;
  return `${what}${alive} It cannot be undone.`;
}
