import { type CentralOptions, withCentral } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import type { Output } from "../output.ts";
import { type Row, rowsOf, textOf } from "../row.ts";
import { type Column, renderPage, renderTable } from "../table.ts";
import { timeAndDistance, timeText } from "../time-text.ts";

/** `tautline policy reopenings`: where plaintext is, or was, open to say where to join, and whom it told. */
export const showReopenings: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show where plaintext is open to say where to join, and who was told")
    .description(
      "Shows the re-openings of plaintext, the newest first, or one of them with the agents that it has told where they can join.",
    )
    .argument("[id]", "the number of one")
    .action(async (id: string | undefined, options: CentralOptions) => {
      if (id === undefined) {
        await printList(context, options, {
          target: { path: ["policy", "reopenings"] },
          columns: columns(context),
          empty: "Plaintext was never re-opened. See 'tautline policy reopen --help'.",
        });
        return;
      }
      const { output, now } = context;
      const target = { path: ["policy", "reopenings", id] };
      const one = await createAdminClient(context, options).get(target);
      await output.print(one, () => pageText(one, output.paint, now()));
    });
};

function columns({ now }: Pick<CommandContext, "now">): readonly Column[] {
  return [
    { title: "ID", cell: (row) => textOf(row, "id") },
    { title: "FROM", cell: (row) => textOf(row, "from") },
    { title: "UNTIL", cell: (row) => timeAndDistance(row["until"], now()) },
    { title: "STATE", cell: stateText },
    { title: "TOLD", cell: (row) => textOf(row, "told"), align: "right" },
    { title: "BY", cell: (row) => textOf(row, "openedBy") },
  ];
}

function stateText(row: Row): string {
  const by = textOf(row, "endedBy");
  if (by === "") return "open";
  return by === "central" ? "ended at its deadline" : `ended by ${by}`;
}

async function pageText(one: Row, paint: Output["paint"], nowMs: number): Promise<string> {
  const { endedAt = null } = one;
  const facts = renderPage(
    [
      ["re-opening", textOf(one, "id")],
      ["from", textOf(one, "from")],
      ["state", stateText(one)],
      ["begun", `${timeAndDistance(one["openedAt"], nowMs)}, by ${textOf(one, "openedBy")}`],
      ["until", timeAndDistance(one["until"], nowMs)],
      ["ended", endedAt === null ? undefined : timeAndDistance(endedAt, nowMs)],
      ["told", textOf(one, "told")],
    ],
    paint,
  );
  const told: readonly Column[] = [
    { title: "TOLD AGENT", cell: (row) => textOf(row, "id") },
    { title: "AT", cell: (row) => textOf(row, "address") },
    { title: "FIRST", cell: (row) => timeText(row["toldAt"]) },
  ];
  const empty = "Nobody was told yet.";
  return `${facts}\n\n${await renderTable(told, rowsOf(one, "agents"), { paint, empty })}`;
}
