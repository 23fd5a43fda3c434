import { withCentral, type CentralOptions } from "../central-verb.ts";
import type { CommandContext } from "../context.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { rowOf, textOf } from "../row.ts";
import type { Column } from "../table.ts";
import { distanceText } from "../time-text.ts";

/** `tautline certs authority`: the root and what stands below it. */
export const showAuthorities: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show the authorities")
    .description(
      "Shows the root and the authorities below it: one for central's own names, one for each namespace's agents. " +
        "Each has a revocation list of its own: its number, its entries and bytes, and when the next one comes at the latest.",
    )
    .action(async (options: CentralOptions) => {
      await printList(context, options, {
        target: { path: ["authorities"] },
        columns: columns(context),
        empty: "No authorities.",
      });
    });
};

function columns({ now }: Pick<CommandContext, "now">): readonly Column[] {
  return [
    {
      title: "KIND",
      cell: (row) => `${textOf(row, "kind")}${row["retiredAt"] ? ", retired" : ""}`,
    },
    { title: "NAMESPACE", cell: (row) => textOf(row, "namespace") || "all" },
    { title: "ENDS", cell: (row) => distanceText(row["notAfter"], now()) },
    { title: "CRL", cell: (row) => textOf(rowOf(row, "crl"), "number") },
    { title: "ENTRIES", cell: (row) => textOf(rowOf(row, "crl"), "entries") },
    { title: "BYTES", cell: (row) => textOf(rowOf(row, "crl"), "bytes") },
    { title: "NEXT UPDATE", cell: (row) => distanceText(rowOf(row, "crl")["nextUpdate"], now()) },
    { title: "ID", cell: (row) => textOf(row, "id") },
  ];
}
