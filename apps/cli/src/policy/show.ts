import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import type { DefineVerb } from "../noun.ts";
import { type Row, rowsOf, textOf } from "../row.ts";
import { openReopenings, reopeningNote } from "./reopening-note.ts";
import { type Column, renderTable } from "../table.ts";
import { timeAndDistance } from "../time-text.ts";

interface ShowPolicyOptions extends CentralOptions {
  readonly namespace?: string;
}

/** `tautline policy show`: what holds, what listeners really hear of it, and who is excepted. */
export const showPolicy: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show what is asked of links, and who is excepted")
    .description(
      "Shows what is asked of links by namespace and kind: the levels that are accepted, those of them that a listener hears " +
        "at this moment, and what else a link has to have. Where nobody has set a policy, whatever a listener hears is " +
        "good enough. Agents that may use a level although the policy says no are listed below, and then where plaintext is re-opened.",
    )
    .option("--namespace <ns>", "only of this namespace")
    .action(async (options: ShowPolicyOptions) => {
      const target = { path: ["policy"], query: { namespace: options.namespace } };
      const client = createAdminClient(context, options);
      const items = await client.list(target);
      await context.output.print({ items }, async () => {
        const open = await openReopenings(client);
        const notes = open.map((row) => reopeningNote(row, context.now()));
        const text = await policyText(items, context);
        return notes.length === 0 ? text : `${text}\n\n${notes.join("\n")}`;
      });
    });
};

const POLICY_COLUMNS: readonly Column[] = [
  { title: "NAMESPACE", cell: (row) => textOf(row, "namespace") },
  { title: "KIND", cell: (row) => textOf(row, "kind") },
  { title: "ACCEPTED", cell: (row) => textOf(row, "accept") },
  { title: "HEARD", cell: (row) => textOf(row, "heard") || "none" },
  { title: "CLIENT PROOF", cell: (row) => textOf(row, "clientProof") },
  { title: "POST-QUANTUM", cell: (row) => textOf(row, "postQuantum") },
  { title: "LOOPBACK", cell: (row) => textOf(row, "loopback") },
  { title: "SET BY", cell: (row) => textOf(row, "changedBy") || "nobody" },
];

async function policyText(
  items: readonly Row[],
  { output, now }: Pick<CommandContext, "output" | "now">,
): Promise<string> {
  const { paint } = output;
  const policies = await renderTable(POLICY_COLUMNS, items, { paint, empty: "No policies." });
  const exceptions = items.flatMap((row) => rowsOf(row, "exceptions"));
  if (exceptions.length === 0) return policies;
  const columns: readonly Column[] = [
    { title: "EXCEPTED AGENT", cell: (row) => textOf(row, "agent") },
    { title: "KIND", cell: (row) => textOf(row, "kind") },
    { title: "LEVEL", cell: (row) => textOf(row, "level") },
    { title: "SINCE", cell: (row) => timeAndDistance(row["since"], now()) },
    { title: "REASON", cell: (row) => textOf(row, "reason") },
  ];
  return `${policies}\n\n${await renderTable(columns, exceptions, { paint, empty: "" })}`;
}
