import { withCentral, type CentralOptions } from "../central-verb.ts";
import { printList } from "../listing.ts";
import { groupText } from "../group-text.ts";
import type { DefineVerb } from "../noun.ts";
import { upgradeText } from "../offer-text.ts";
import { textOf } from "../row.ts";
import type { Column } from "../table.ts";
import { timeText } from "../time-text.ts";

interface ListLinksOptions extends CentralOptions {
  readonly kind?: string;
  readonly agent?: string;
}

const COLUMNS: readonly Column[] = [
  { title: "ID", cell: (row) => textOf(row, "id") },
  { title: "KIND", cell: (row) => textOf(row, "kind") },
  { title: "AGENT", cell: (row) => textOf(row, "agent") || textOf(row, "client") },
  { title: "LEVEL", cell: (row) => textOf(row, "level") },
  { title: "GROUP", cell: groupText },
  { title: "PQ", cell: (row) => textOf(row, "pq") },
  { title: "KEY", cell: (row) => textOf(row, "keyId") },
  { title: "SINCE", cell: (row) => timeText(row["since"]) },
  {
    title: "VERDICT",
    cell: (row) => [textOf(row, "verdict"), upgradeText(row)].filter(Boolean).join(", "),
  },
];

/** Who sends telemetry how (SWP-7). */
const TELEMETRY_COLUMNS: readonly Column[] = [
  { title: "ID", cell: (row) => textOf(row, "id") },
  { title: "WHO", cell: (row) => textOf(row, "agent") || textOf(row, "client") },
  { title: "CLAIMS", cell: (row) => textOf(row, "claimed") },
  { title: "LEVEL", cell: (row) => textOf(row, "level") },
  { title: "GROUP", cell: groupText },
  { title: "CERTIFICATE ENDS", cell: (row) => timeText(row["certificateExpiresAt"]) },
  {
    title: "VERSION",
    cell: (row) => textOf(row, "senderVersion") || firstWord(textOf(row, "userAgent")),
  },
  { title: "TO", cell: (row) => textOf(row, "component") },
  { title: "SINCE", cell: (row) => timeText(row["since"]) },
];

/** Of a user agent the first product: what sends, and its version (RFC 9110 section 10.1.5). */
function firstWord(text: string): string {
  return text.split(" ", 1)[0] ?? "";
}

/** `tautline links list`: live connections and what each negotiated. */
export const listLinks: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show the live connections")
    .description(
      "Shows the live connections and what each one really negotiated: level, key-exchange group, " +
        "whether that group withstands a quantum computer (PQ), and the shared key it was opened with; of telemetry (--kind receiver) who sends, what it claims to be, its version, and when its certificate ends. " +
        "'links show ID' has everything.",
    )
    .option("--kind <kind>", "only this kind: control, pull, forward, peer or receiver")
    .option("--agent <id>", "only this agent's")
    .action(async (options: ListLinksOptions) => {
      await printList(context, options, {
        target: { path: ["links"], query: { kind: options.kind, agent: options.agent } },
        columns: options.kind === "receiver" ? TELEMETRY_COLUMNS : COLUMNS,
        empty: "No live links. 'tautline agents list' tells when each agent was last seen.",
      });
    });
};
