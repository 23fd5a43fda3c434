import { withCentral, type CentralOptions } from "../central-verb.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf, type Row } from "../row.ts";
import type { Column } from "../table.ts";
import { timeText } from "../time-text.ts";

const COLUMNS: readonly Column[] = [
  { title: "ID", cell: (row) => textOf(row, "id") },
  { title: "NAMESPACE", cell: (row) => textOf(row, "namespace") },
  { title: "STATE", cell: (row) => stateText(row) },
  {
    title: "USED",
    cell: (row) => `${textOf(row, "usesMade")}/${textOf(row, "uses")}`,
    align: "right",
  },
  { title: "EXPIRES", cell: (row) => timeText(row["expiresAt"]) },
  { title: "CREATED", cell: (row) => timeText(row["createdAt"]) },
];

function stateText(token: Row): string {
  const state = textOf(token, "state");
  return token["approve"] === true ? `${state}, with approval` : state;
}

/** `tautline tokens list`: the tokens that were made, never their secrets. */
export const listTokens: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show the tokens, without their secrets")
    .description("Shows every token that was made and what is left of it. Secrets are not kept.")
    .action(async (options: CentralOptions) => {
      await printList(context, options, {
        target: { path: ["tokens"] },
        columns: COLUMNS,
        empty: "No tokens yet. Make one with 'tautline tokens create'.",
      });
    });
};
