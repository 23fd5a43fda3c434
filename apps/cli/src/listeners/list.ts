import { withCentral, type CentralOptions } from "../central-verb.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { type Row, textOf } from "../row.ts";
import type { Column } from "../table.ts";
import { addressesText, levelsText } from "./listener-text.ts";

const COLUMNS: readonly Column[] = [
  { title: "NAME", cell: (row) => textOf(row, "name") },
  { title: "BIND", cell: bindText },
  { title: "LISTENS ON", cell: addressesText },
  { title: "LEVELS", cell: levelsText },
  { title: "LINKS", cell: (row) => textOf(row, "links") },
];

/** `tautline listeners list`: what is really listened on. */
export const listListeners: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show the ports that agents dial")
    .description(
      "Shows the ports that agents dial as they really are: who reaches them, the addresses they listen on, the levels " +
        "accepted there, and how many live links have those levels.",
    )
    .action(async (options: CentralOptions) => {
      await printList(context, options, {
        target: { path: ["listeners"] },
        columns: COLUMNS,
        empty: "No listeners.",
      });
    });
};

/** What it is set to; beyond that it may be open to say where to join. */
function bindText(row: Row): string {
  const bind = textOf(row, "bind");
  return row["reopened"] === true ? `${bind} (re-opened)` : bind;
}
