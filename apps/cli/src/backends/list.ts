import { withCentral, type CentralOptions } from "../central-verb.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf } from "../row.ts";
import type { Column } from "../table.ts";
import { callersText, healthText, routesText } from "./backend-text.ts";

const COLUMNS: readonly Column[] = [
  { title: "NAME", cell: (row) => textOf(row, "name") },
  { title: "TAKES", cell: (row) => textOf(row, "protocol") },
  { title: "ROUTES", cell: routesText },
  { title: "TO", cell: (row) => textOf(row, "targets") },
  { title: "TLS", cell: (row) => textOf(row, "tls") },
  { title: "LEVELS", cell: (row) => textOf(row, "levels") },
  { title: "NAMESPACE", cell: (row) => textOf(row, "namespace") },
  { title: "CALLERS", cell: callersText },
  { title: "HEALTH", cell: healthText },
];

/** `tautline backends list`: where telemetry goes, and how those places are. */
export const listBackends: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show the backends and how they are")
    .description(
      "Shows where telemetry is carried to, by which routes, what is asked of callers, and how each backend is: idle until a call " +
        "needs it, ready, or out ('backends show NAME' says why).",
    )
    .action(async (options: CentralOptions) => {
      await printList(context, options, {
        target: { path: ["backends"] },
        columns: COLUMNS,
        empty: "No backend yet. Add one with 'tautline backends add NAME --to HOST:PORT'.",
      });
    });
};
