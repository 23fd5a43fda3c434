import { withCentral, type CentralOptions } from "../central-verb.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { durationValue } from "../option-values.ts";
import { textOf } from "../row.ts";
import type { Column } from "../table.ts";
import { timeText } from "../time-text.ts";
import { sinceTime } from "./history.ts";

interface StrangersOptions extends CentralOptions {
  readonly since?: number;
}

const COLUMNS: readonly Column[] = [
  { title: "NETWORK", cell: (row) => textOf(row, "network") },
  { title: "REASON", cell: (row) => textOf(row, "code") },
  { title: "ATTEMPTS", cell: (row) => textOf(row, "attempts"), align: "right" },
  { title: "FIRST", cell: (row) => timeText(row["firstAt"]) },
  { title: "LAST", cell: (row) => timeText(row["lastAt"]) },
];

/** `tautline links strangers`: who knocked and was nobody. */
export const listStrangers: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show refused attempts of nobody known")
    .description(
      "Shows refused attempts of callers that proved no identity, by network and reason, the latest first. Their number is " +
        "bounded: what does not fit is counted as network 'other'.",
    )
    .option("--since <duration>", "only the last 24h, 30d, ...", durationValue)
    .action(async (options: StrangersOptions) => {
      const query = { since: sinceTime(options.since, context.now()) };
      await printList(context, options, {
        target: { path: ["links", "strangers"], query },
        columns: COLUMNS,
        empty: "Nobody unknown was refused.",
      });
    });
};
