import { withCentral, type CentralOptions } from "../central-verb.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf } from "../row.ts";
import type { Column } from "../table.ts";
import { timeText } from "../time-text.ts";

const COLUMNS: readonly Column[] = [
  { title: "NAME", cell: (row) => textOf(row, "name") },
  { title: "AGENTS", cell: (row) => textOf(row, "agents"), align: "right" },
  { title: "CREATED", cell: (row) => timeText(row["createdAt"]) },
];

/** `tautline namespaces list` */
export const listNamespaces: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show the namespaces")
    .description("Shows the namespaces.")
    .action(async (options: CentralOptions) => {
      await printList(context, options, {
        target: { path: ["namespaces"] },
        columns: COLUMNS,
        empty: "No namespaces.",
      });
    });
};
