import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { rowsOf, textOf, type Row } from "../row.ts";
import { renderPage, type PageLine } from "../table.ts";
import { timeAndDistance } from "../time-text.ts";
import { callersText, claimsText, routesText } from "./backend-text.ts";

/** `tautline backends show NAME`: one backend, and how each of its places is. */
export const showBackend: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show one backend and how each of its places is")
    .description(
      "Shows one backend, what it asks of callers, and how each of its places is. Central connects to it first, for at most 3 s, if no call has needed it yet.",
    )
    .argument("<name>", "as 'tautline backends list' prints it")
    .action(async (name: string, options: CentralOptions) => {
      const { output, now } = context;
      const target = { path: ["backends", name], query: { check: "true" } };
      const row = await createAdminClient(context, options).get(target);
      await output.print(row, () => renderPage(linesOf(row, now()), output.paint));
    });
};

function linesOf(row: Row, nowMs: number): readonly PageLine[] {
  return [
    ["name", textOf(row, "name")],
    ["takes", `${textOf(row, "protocol")}: ${routesText(row)}`],
    ["TLS", textOf(row, "tls")],
    ["levels", textOf(row, "levels")],
    ["namespace", textOf(row, "namespace") || "every one"],
    ["callers", callersText(row)],
    ["claims", claimsText(row)],
    ["added", `${timeAndDistance(row["createdAt"], nowMs)} by ${textOf(row, "createdBy")}`],
    ...rowsOf(row, "places").map((place): PageLine => ["place", placeText(place)]),
  ];
}

function placeText(place: Row): string {
  const is = `${textOf(place, "target")} is ${textOf(place, "state")}`;
  const error = textOf(place, "error");
  return error === "" ? `${is}, ${textOf(place, "calls")} calls now` : `${is}: ${error}`;
}
