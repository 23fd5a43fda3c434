import { withCentral } from "../central-verb.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf } from "../row.ts";
import type { Column } from "../table.ts";
import { scopeText, type SettingOptions, withNamespace } from "./scope.ts";

const COLUMNS: readonly Column[] = [
  { title: "KEY", cell: (row) => textOf(row, "key") },
  { title: "VALUE", cell: (row) => textOf(row, "value") },
  { title: "FOR", cell: (row) => scopeText(textOf(row, "namespace")) },
];

/** `tautline settings list` */
export const listSettings: DefineVerb = (command, context) => {
  withNamespace(withCentral(command))
    .summary("show what was set")
    .description("Shows what was set; what is not listed has its default on the agents.")
    .action(async (options: SettingOptions) => {
      await printList(context, options, {
        target: { path: ["settings"], query: { namespace: options.namespace } },
        columns: COLUMNS,
        empty: "Nothing is set: every agent runs with the defaults.",
      });
    });
};
