import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { rowsOf, textOf, type Row } from "../row.ts";
import { renderTable, type Column } from "../table.ts";
import { timeText } from "../time-text.ts";

interface ListOptions extends CentralOptions {
  readonly namespace?: string;
}

const COLUMNS: readonly Column[] = [
  { title: "NAME", cell: (row) => textOf(row, "name") },
  { title: "NAMESPACE", cell: (row) => textOf(row, "namespace") },
  { title: "TOKEN", cell: (row) => textOf(row, "id") },
  { title: "STATE", cell: stateText },
  { title: "EXPIRES", cell: (row) => timeText(row["expiresAt"]) },
  { title: "CREATED", cell: (row) => timeText(row["createdAt"]) },
];

/** `tautline clients list`: clients and their tokens, never their secrets. */
export const listClients: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show the clients and their tokens, without secrets")
    .description(
      "Shows every client with its tokens: those that are good, and the last ones that ended. Secrets are not kept.",
    )
    .option("--namespace <name>", "only this namespace")
    .action(async ({ namespace, ...options }: ListOptions) => {
      const { output } = context;
      const target = { path: ["clients"], query: { namespace } };
      const items = await createAdminClient(context, options).list(target);
      const empty = "No clients yet. Make one with 'tautline clients create NAME'.";
      await output.print({ items }, () =>
        renderTable(COLUMNS, items.flatMap(linesOf), { paint: output.paint, empty }),
      );
    });
};

/** One line a token; a client without any has one too. */
function linesOf(client: Row): readonly Row[] {
  const { name, namespace, createdAt } = client;
  const tokens = rowsOf(client, "tokens");
  const shown: readonly Row[] = tokens.length > 0 ? tokens : [{ createdAt }];
  return shown.map((token) => Object.assign({ name, namespace }, token));
}

function stateText(row: Row): string {
  const why = textOf(row, "why");
  return why === "" ? textOf(row, "state") : `${textOf(row, "state")}: ${why}`;
}
