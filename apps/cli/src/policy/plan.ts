import { Option } from "commander";
import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { sinceTime } from "../links/history.ts";
import type { DefineVerb } from "../noun.ts";
import { countValue, durationValue } from "../option-values.ts";
import { textOf } from "../row.ts";
import { planText } from "./plan-text.ts";
import { openReopenings, reopeningNote } from "./reopening-note.ts";
import { wantedOrder, type WantedOptions, withWantedFlags } from "./wanted-flags.ts";

interface PlanOptions extends CentralOptions, WantedOptions {
  readonly since?: number;
  readonly verdict?: string;
  readonly limit: number;
}

const VERDICTS = ["stays", "moves", "unknown", "cut-off"];

/** `tautline policy plan`: who would be cut off, before anything is changed (QMP-1). */
export const planPolicy: DefineVerb = (command, context) => {
  withWantedFlags(withCentral(command))
    .summary("say who would be cut off by a policy, before anything is changed")
    .description(
      "Says agent by agent what would become of it, by the links that were really seen: it stays, it moves (an instruction takes it there), it is cut off, or " +
        "nobody knows, as it was not linked in the period. Nothing is changed. REFUSED counts the links of the period that the policy would have refused.",
    )
    .option(
      "--since <duration>",
      "count the links of the last 24h, 30d, ... (default: 30d)",
      durationValue,
    )
    .addOption(new Option("--verdict <verdict>", "only agents with this verdict").choices(VERDICTS))
    .option("--limit <n>", "show so many agents, the worst first", countValue, 10_000)
    .addHelpText(
      "after",
      "\nExamples:\n  tautline policy plan --floor mtls\n" +
        "  tautline policy plan --floor tls --loopback off --verdict cut-off\n" +
        "  tautline policy plan --accept advanced,mtls --post-quantum require --since 7d",
    )
    .action(async (options: PlanOptions) => {
      const { output, now } = context;
      const { verdict, since, limit } = options;
      const order = {
        ...wantedOrder(options, "tautline policy plan"),
        ...(since !== undefined && { since: sinceTime(since, now()) }),
        limit,
        ...(verdict !== undefined && { verdicts: [verdict.replace("-", " ")] }),
      };
      const target = { path: ["policy", "plan"] };
      const client = createAdminClient(context, options);
      const plan = await client.post(target, order);
      await output.print(plan, () => planText(plan, output.paint));
      if (!output.json) {
        for (const row of await openReopenings(client)) output.note(reopeningNote(row, now()));
      }
      const left = textOf(plan, "left");
      if (left !== "0") output.note(`${left} more are not shown: --verdict, or a higher --limit.`);
    });
};
