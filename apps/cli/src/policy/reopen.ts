import { type CentralOptions, withCentral } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { durationValue } from "../option-values.ts";
import { textOf } from "../row.ts";
import { timeText } from "../time-text.ts";

interface ReopenOptions extends CentralOptions {
  readonly from: readonly string[];
  readonly for: number;
}

/** `tautline policy reopen`: whoever was stranded in plaintext at a site is told where to join. */
export const reopenPlaintext: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("open plaintext to some source addresses for a while, to say where to join")
    .description(
      "Opens plaintext to callers of some source addresses until it ends by itself. They are told central's addresses and the pin of its root, as by " +
        "'tautline agents promote', and nothing else: they get no link, no settings, nothing. A person gives their hosts a token then. The policy stays as " +
        "it is, everybody else is refused as before, and who has an identity is not concerned.",
    )
    .requiredOption("--from <ranges>", "source addresses, with commas between", rangesValue)
    .requiredOption("--for <duration>", "for so long, at most 24h", durationValue)
    .addHelpText(
      "after",
      "\nExamples:\n  tautline policy reopen --from 192.0.2.0/24 --for 2h\n" +
        "  tautline policy reopen --from 198.51.100.7,2001:db8:7::/48 --for 30m",
    )
    .action(async ({ from, for: forMs, ...options }: ReopenOptions) => {
      const target = { path: ["policy", "reopenings"] };
      const made = await createAdminClient(context, options).post(target, { from, forMs });
      const id = textOf(made, "id");
      const text =
        `Plaintext is open to ${textOf(made, "from")} until ${timeText(made["until"])}, to say where to join: ` +
        `'tautline policy reopenings ${id}' shows who was told, 'tautline policy end-reopening ${id}' ends it.`;
      await context.output.print(made, () => text);
    });
};

/** What a range must look like, central says. */
function rangesValue(text: string): readonly string[] {
  return text.split(",").map((each) => each.trim());
}
