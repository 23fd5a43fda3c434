import { withCentral, type CentralOptions } from "../central-verb.ts";
import type { CommandContext } from "../context.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { rowsOf, textOf, type Row } from "../row.ts";
import type { Column } from "../table.ts";
import { distanceText } from "../time-text.ts";

interface ListKeysOptions extends CentralOptions {
  readonly namespace?: string;
}

/** `tautline keys list`: never a text; `keys show` says who used which version. */
export const listKeys: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show the keys, without their texts")
    .description(
      "Shows the keys, their live versions and how many agents used each last. Their texts are not kept.",
    )
    .option("--namespace <name>", "only this namespace")
    .action(async (options: ListKeysOptions) => {
      await printList(context, options, {
        target: { path: ["keys"], query: { namespace: options.namespace } },
        columns: columns(context),
        empty: "No keys yet. Make one with 'tautline keys create NAME'.",
      });
    });
};

function columns({ now }: Pick<CommandContext, "now">): readonly Column[] {
  return [
    { title: "NAME", cell: (row) => textOf(row, "name") },
    { title: "NAMESPACE", cell: (row) => textOf(row, "namespace") },
    { title: "AGENT", cell: (row) => textOf(row, "agent") },
    {
      title: "VERSIONS (AGENTS)",
      cell: (row) => rowsOf(row, "versions").map(versionText).join(", "),
    },
    { title: "WEAK", cell: (row) => textOf(row, "weak") },
    { title: "CREATED", cell: (row) => distanceText(row["createdAt"], now()) },
    { title: "USED", cell: (row) => distanceText(row["lastUsedAt"], now()) },
  ];
}

/** `2 current (7)` */
function versionText(version: Row): string {
  return `${textOf(version, "version")} ${textOf(version, "state")} (${textOf(version, "agents")})`;
}
