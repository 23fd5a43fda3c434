import { withCentral, type CentralOptions } from "../central-verb.ts";
import type { CommandContext } from "../context.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf } from "../row.ts";
import type { Column } from "../table.ts";
import { distanceText } from "../time-text.ts";

/** `tautline certs list` */
export const listCertificates: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show the certificates that central issued")
    .description("Shows the certificates that central issued, one line each.")
    .action(async (options: CentralOptions) => {
      await printList(context, options, {
        target: { path: ["certificates"] },
        columns: columns(context),
        empty: "No certificates.",
      });
    });
};

function columns({ now }: Pick<CommandContext, "now">): readonly Column[] {
  return [
    { title: "SERIAL", cell: (row) => textOf(row, "serial") },
    { title: "PURPOSE", cell: (row) => textOf(row, "purpose") },
    { title: "IDENTITY", cell: (row) => textOf(row, "renewal") },
    { title: "ENDS", cell: (row) => distanceText(row["notAfter"], now()) },
    { title: "REVOKED", cell: (row) => distanceText(row["revokedAt"], now()) },
    { title: "NAME", cell: (row) => textOf(row, "name") },
  ];
}
