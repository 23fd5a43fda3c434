import { withCentral, type CentralOptions } from "../central-verb.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { countValue, durationValue } from "../option-values.ts";
import { asText, rowOf, textOf, type Row } from "../row.ts";
import type { Column } from "../table.ts";
import { timeText } from "../time-text.ts";

interface ListAuditOptions extends CentralOptions {
  readonly since?: number;
  readonly limit: number;
}

const COLUMNS: readonly Column[] = [
  { title: "SEQ", cell: (row) => textOf(row, "seq"), align: "right" },
  { title: "TIME", cell: (row) => timeText(row["at"]) },
  { title: "ACTION", cell: (row) => textOf(row, "action") },
  { title: "BY", cell: (row) => textOf(row, "actor") },
  { title: "ON", cell: (row) => textOf(row, "subject") },
  { title: "DETAIL", cell: (row) => detailText(rowOf(row, "detail")) },
];

/** `tautline audit list` */
export const listAudit: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show who did what")
    .description("Shows who did what, oldest first.")
    .option("--since <duration>", "only the last 15m, 24h, 30d, ...", durationValue)
    .option("--limit <n>", "at most so many, the newest ones", countValue, 200)
    .action(async (options: ListAuditOptions) => {
      const { since, limit } = options;
      const from = since === undefined ? undefined : new Date(context.now() - since).toISOString();
      await printList(context, options, {
        target: { path: ["audit"], query: { since: from, limit } },
        columns: COLUMNS,
        empty: "Nothing happened in that time.",
      });
    });
};

function detailText(detail: Row): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name}=${asText(value)}`)
    .join(" ");
}
