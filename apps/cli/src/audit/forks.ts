import { withCentral, type CentralOptions } from "../central-verb.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { rowOf, textOf, type Row } from "../row.ts";
import type { Column } from "../table.ts";
import { timeText } from "../time-text.ts";

const COLUMNS: readonly Column[] = [
  { title: "ID", cell: (row) => textOf(row, "id") },
  { title: "FOUND", cell: (row) => timeText(row["foundAt"]) },
  { title: "SEEN", cell: (row) => sideText(rowOf(row, "seen")) },
  { title: "HERE", cell: (row) => sideText(rowOf(row, "shown")) },
  { title: "BY", cell: (row) => `${textOf(row, "witnesses")} agents` },
  { title: "ACKNOWLEDGED", cell: (row) => timeText(row["acknowledgedAt"]) },
];

/** `tautline audit forks`: what agents have seen that is not in the trail. */
export const listForks: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show what agents have seen that is not in the trail")
    .description(
      "Shows the checkpoints that agents have seen, signed by this central, which are not in its trail: it was restored from a " +
        "backup, cut off, or rewritten.",
    )
    .action(async (options: CentralOptions) => {
      await printList(context, options, {
        target: { path: ["audit", "forks"] },
        columns: COLUMNS,
        empty: "No agent has seen another trail than this one.",
      });
    });
};

function sideText(side: Row): string {
  return `entry ${textOf(side, "seq")} of ${timeText(side["at"])}`;
}
