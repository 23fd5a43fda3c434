import { parseForwardName } from "@tautline/protocol";
import { withCentral } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import type { DefineVerb } from "../noun.ts";
import { textOf, type Row } from "../row.ts";
import { renderPage, type PageLine } from "../table.ts";
import { timeAndDistance } from "../time-text.ts";
import {
  durationText,
  forWhom,
  isReverse,
  placeOf,
  type PlaceOptions,
  withPlace,
} from "./place.ts";

/** `tautline forwards show NAME`: one allowance. */
export const showForward: DefineVerb = (command, context) => {
  withPlace(withCentral(command))
    .summary("show one forward that is allowed")
    .description(
      "Shows what is allowed under NAME to a namespace's agents, or with --agent to one agent.",
    )
    .argument("<name>", "as 'tautline forwards list' prints it")
    .action(async (nameText: string, options: PlaceOptions) => {
      const { output, now } = context;
      const target = { path: ["forwards", parseForwardName(nameText)], query: placeOf(options) };
      const row = await createAdminClient(context, options).get(target);
      await output.print(row, () => renderPage(linesOf(row, now()), output.paint));
    });
};

function serviceLines(row: Row): readonly PageLine[] {
  return [
    ["service", "where the agent's own settings say"],
    ["opened by", `operators with the role ${textOf(row, "operatorRole")} or above`],
  ];
}

function targetLines(row: Row): readonly PageLine[] {
  return [
    ["target", textOf(row, "target")],
    [
      "local",
      row["alsoLocal"] === true
        ? "its name may be one of central's own host"
        : "only where the target is that very address",
    ],
    ["PROXY header", row["proxyProtocol"] === true ? "version 2" : "none"],
  ];
}

function linesOf(row: Row, nowMs: number): readonly PageLine[] {
  return [
    ["name", textOf(row, "name")],
    ["for", forWhom(row)],
    ...(isReverse(row) ? serviceLines(row) : targetLines(row)),
    ["idle limit", durationText(row["idleMs"])],
    ["total limit", durationText(row["totalMs"])],
    ["streams", `${textOf(row, "maxStreams")} of one agent at once`],
    ["allowed", `${timeAndDistance(row["createdAt"], nowMs)} by ${textOf(row, "createdBy")}`],
  ];
}
