import { type CentralOptions, withCentral } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf } from "../row.ts";

/** `tautline policy end-reopening`: before its time. */
export const endReopening: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("end a re-opening of plaintext before its time")
    .description(
      "Ends a re-opening of plaintext. What was listened to for its sake alone is closed, and whoever is there is cut off.",
    )
    .argument("<id>", "its number")
    .action(async (id: string, options: CentralOptions) => {
      const target = { path: ["policy", "reopenings", id, "end"] };
      const ended = await createAdminClient(context, options).post(target);
      const told = textOf(ended, "told");
      const text = `Re-opening ${id} of plaintext has ended. Agents that were told where to join: ${told}.`;
      await context.output.print(ended, () => text);
    });
};
