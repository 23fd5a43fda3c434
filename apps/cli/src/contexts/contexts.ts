import { formatHostPort } from "@tautline/link";
import { confirm } from "../confirm.ts";
import type { DefineVerb, Verbs } from "../noun.ts";
import { textOf, type Row } from "../row.ts";
import { renderTable, type Column } from "../table.ts";
import {
  readContexts,
  type StoredContext,
  unknownContext,
  writeContexts,
} from "./context-store.ts";

const COLUMNS: readonly Column[] = [
  { title: "IN USE", cell: (row) => (row["inUse"] === true ? "*" : "") },
  { title: "NAME", cell: (row) => textOf(row, "name") },
  { title: "URL", cell: (row) => textOf(row, "url") },
  { title: "OPERATOR", cell: (row) => textOf(row, "operator") },
  { title: "TRUST DOMAIN", cell: (row) => textOf(row, "trustDomain") },
];

/** A context as it is shown: never its token. */
export function contextRow(context: StoredContext, current: string | undefined): Row {
  const { name, host, port, operator, trustDomain, rootPin } = context;
  const url = `https://${formatHostPort(host, port)}`;
  return { name, url, operator, trustDomain, rootPin, inUse: name === current };
}

const listContexts: DefineVerb = (command, context) => {
  command
    .summary("show the centrals that this user logged in to")
    .description("Shows the centrals that this user logged in to, and which one is in use.")
    .action(async () => {
      const { output, environment } = context;
      const { current, items } = readContexts(environment);
      const rows = items.map((item) => contextRow(item, current));
      await output.print({ items: rows }, () =>
        renderTable(COLUMNS, rows, {
          paint: output.paint,
          empty: "No contexts yet. Make one with 'tautline login URL'.",
        }),
      );
    });
};

const useContext: DefineVerb = (command, context) => {
  command
    .summary("choose the central that is asked where none is named")
    .description("Chooses the central that is asked where neither --data nor --context names one.")
    .argument("<name>", "as 'tautline contexts list' prints it")
    .action(async (name: string) => {
      const { items } = readContexts(context.environment);
      if (!items.some((item) => item.name === name)) throw unknownContext(name);
      writeContexts(context.environment, { current: name, items });
      await context.output.print({ name }, () => `Context ${name} is in use.`);
    });
};

const removeContext: DefineVerb = (command, context) => {
  command
    .summary("forget a central and the token for it")
    .description(
      "Forgets a central and removes the token for it from this host. " +
        "The token itself stays good: an administrator ends it with 'tautline operators disable'.",
    )
    .argument("<name>", "as 'tautline contexts list' prints it")
    .option("--yes", "do not ask")
    .action(async (name: string, options: { readonly yes?: boolean }) => {
      const { current, items } = readContexts(context.environment);
      if (!items.some((item) => item.name === name)) throw unknownContext(name);
      await confirm(`Forget context ${name}?`, options.yes === true, context);
      writeContexts(context.environment, {
        current: current === name ? undefined : current,
        items: items.filter((item) => item.name !== name),
      });
      await context.output.print({ name }, () => `Context ${name} is forgotten.`);
    });
};

/** `tautline contexts …` */
export const contextVerbs: Verbs = { list: listContexts, use: useContext, remove: removeContext };
