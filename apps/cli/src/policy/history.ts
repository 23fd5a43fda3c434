import { type CentralOptions, withCentral } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { rowOf, textOf } from "../row.ts";
import type { Column } from "../table.ts";
import { distanceText } from "../time-text.ts";
import { changePage } from "./change-text.ts";

interface HistoryOptions extends CentralOptions {
  readonly namespace?: string;
}

/** `tautline policy history`: every change there was, or one with its agents. */
export const showPolicyHistory: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show what was changed, what was undone, and which agents did not come along")
    .description(
      "Shows the changes of policy there were, the newest first, or one of them with the agents that it has to do with.",
    )
    .argument("[change]", "the number of one change")
    .option("--namespace <name>", "only changes that hold in this namespace")
    .action(async (id: string | undefined, options: HistoryOptions) => {
      if (id === undefined) {
        await printList(context, options, {
          target: { path: ["policy", "changes"], query: { namespace: options.namespace } },
          columns: columns(context),
          empty: "No policy was ever changed. See 'tautline policy plan --floor mtls'.",
        });
        return;
      }
      const { output, now } = context;
      const client = createAdminClient(context, options);
      const change = await client.get({ path: ["policy", "changes", id] });
      await output.print(change, () => changePage(change, { paint: output.paint, nowMs: now() }));
    });
};

function columns({ now }: Pick<CommandContext, "now">): readonly Column[] {
  return [
    { title: "CHANGE", cell: (row) => textOf(row, "id") },
    { title: "NAMESPACE", cell: (row) => textOf(row, "namespace") || "all" },
    { title: "KINDS", cell: (row) => textOf(row, "kinds") },
    { title: "ACCEPTS", cell: (row) => textOf(rowOf(row, "policy"), "accept") },
    { title: "STEP", cell: (row) => textOf(row, "step") },
    { title: "REASON", cell: (row) => textOf(row, "reason") },
    count("watched"),
    count("excepted"),
    count("lost"),
    { title: "BEGUN", cell: (row) => distanceText(row["startedAt"], now()) },
    { title: "BY", cell: (row) => textOf(row, "startedBy") },
  ];
}

function count(name: string): Column {
  return {
    title: name.toUpperCase(),
    cell: (row) => textOf(rowOf(row, "counts"), name),
    align: "right",
  };
}
