import { parseAgentId } from "@tautline/protocol";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { rowOf, textOf } from "../row.ts";

interface ApproveOptions extends CentralOptions {
  readonly code?: string;
}

/** `tautline agents approve ID`: approves the keys that the agent asks for now, and no others. */
export const approveAgent: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("let a waiting agent join, or renew after a long absence")
    .description(
      "Approves what an agent waits for: its join, or the renewal of a certificate that ended too long ago. The host " +
        "goes on by itself. Compare its code first: 'tautline agents show ID' here, and what the host prints.",
    )
    .argument("<id>", "the agent's id; a name is only a label and is not taken here")
    .option("--code <code>", "the code that the host prints; with any other nothing is approved")
    .action(async (idText: string, options: ApproveOptions) => {
      const id = parseAgentId(idText);
      const client = createAdminClient(context, options);
      const approval = rowOf(await client.get({ path: ["agents", id] }), "approval");
      // Without one: the code that central shows now, so that keys which take their place meanwhile are not approved.
      const code = options.code ?? (textOf(approval, "code") || undefined);
      await client.post({ path: ["agents", id, "approve"] }, code === undefined ? {} : { code });
      await context.output.print(
        { id, code: code ?? null },
        () => `Agent ${id} is approved; its host goes on by itself. Its code: ${code ?? "none"}`,
      );
    });
};
