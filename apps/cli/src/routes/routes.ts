import { withCentral, type CentralOptions } from "../central-verb.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf } from "../row.ts";
import type { Column } from "../table.ts";

const COLUMNS: readonly Column[] = [
  { title: "METHOD", cell: (row) => textOf(row, "method") },
  { title: "PATH", cell: (row) => textOf(row, "path") },
  { title: "ROLE", cell: (row) => textOf(row, "role") },
];

/** `tautline routes`: central's own table of routes and the role that each asks for (A1). */
export const routes: DefineVerb = (command, context) => {
  withCentral(command)
    .description(
      "Lists every route of the running central's API and the role it asks for, from its own table.",
    )
    .action(async (options: CentralOptions) => {
      await printList(context, options, {
        target: { path: ["routes"] },
        columns: COLUMNS,
        empty: "Central names no routes.",
      });
    });
};
