import { withCentral, type CentralOptions } from "../central-verb.ts";
import type { CommandContext } from "../context.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { type Row, textOf } from "../row.ts";
import type { Column } from "../table.ts";
import { durationText, isReverse } from "./place.ts";
import { distanceText } from "../time-text.ts";

interface ListOptions extends CentralOptions {
  readonly namespace?: string;
}

/** `tautline forwards list`: what is allowed, and not what runs. */
export const listForwards: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show what is allowed")
    .description("Shows which forwards are allowed to whom, where they lead, and their limits.")
    .option("--namespace <name>", "only this namespace")
    .action(async (options: ListOptions) => {
      await printList(context, options, {
        target: { path: ["forwards"], query: { namespace: options.namespace } },
        columns: columns(context),
        empty:
          "No forward is allowed. Allow one with 'tautline forwards allow NAME --target HOST:PORT'.",
      });
    });
};

function targetText(row: Row): string {
  return isReverse(row) ? "the agent's service" : textOf(row, "target");
}

function columns({ now }: Pick<CommandContext, "now">): readonly Column[] {
  return [
    { title: "NAME", cell: (row) => textOf(row, "name") },
    { title: "NAMESPACE", cell: (row) => textOf(row, "namespace") },
    { title: "AGENT", cell: (row) => textOf(row, "agent") },
    { title: "TARGET", cell: targetText },
    { title: "LOCAL", cell: (row) => textOf(row, "alsoLocal") },
    { title: "PROXY", cell: (row) => textOf(row, "proxyProtocol") },
    { title: "IDLE", cell: (row) => durationText(row["idleMs"]) },
    { title: "TOTAL", cell: (row) => durationText(row["totalMs"]) },
    { title: "STREAMS", cell: (row) => textOf(row, "maxStreams"), align: "right" },
    { title: "ALLOWED", cell: (row) => distanceText(row["createdAt"], now()) },
  ];
}
