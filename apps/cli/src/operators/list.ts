import { withCentral, type CentralOptions } from "../central-verb.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf } from "../row.ts";
import type { Column } from "../table.ts";
import { timeText } from "../time-text.ts";

const COLUMNS: readonly Column[] = [
  { title: "NAME", cell: (row) => textOf(row, "name") },
  { title: "ROLE", cell: (row) => textOf(row, "role") },
  { title: "NAMESPACE", cell: (row) => textOf(row, "namespace") || "all" },
  { title: "STATE", cell: (row) => textOf(row, "state") },
  { title: "EXPIRES", cell: (row) => timeText(row["expiresAt"]) },
  { title: "MADE BY", cell: (row) => textOf(row, "createdBy") },
];

/** `tautline operators list` */
export const listOperators: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show who may use central's API, without their tokens")
    .description("Shows every operator that was made, what it may do, and until when.")
    .action(async (options: CentralOptions) => {
      await printList(context, options, {
        target: { path: ["operators"] },
        columns: COLUMNS,
        empty:
          "No operators yet: only the admin socket on central's own host is used. Make one with 'tautline operators create'.",
      });
    });
};
