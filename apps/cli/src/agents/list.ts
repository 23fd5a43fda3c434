import { withCentral, type CentralOptions } from "../central-verb.ts";
import type { CommandContext } from "../context.ts";
import { printList } from "../listing.ts";
import type { DefineVerb } from "../noun.ts";
import { upgradeText } from "../offer-text.ts";
import { rowOf, textOf, type Row } from "../row.ts";
import type { Column } from "../table.ts";
import { distanceText } from "../time-text.ts";
import { waitsFor } from "./approval-text.ts";

interface ListAgentsOptions extends CentralOptions {
  readonly namespace?: string;
  readonly state?: string;
}

/** `tautline agents list`: one line an agent; exact times are in `agents show` and `--json`. */
export const listAgents: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show the agents")
    .description("Shows the agents, one line each. Exact times are in 'agents show' and --json.")
    .option("--namespace <name>", "only this namespace")
    .option("--state <state>", "only these; 'pending' shows what each waits for, and its code")
    .action(async (options: ListAgentsOptions) => {
      await printList(context, options, {
        target: {
          path: ["agents"],
          query: { namespace: options.namespace, state: options.state },
        },
        columns: options.state === "pending" ? queueColumns(context) : columns(context),
        empty: emptyText(options),
      });
    });
};

function emptyText({ state }: ListAgentsOptions): string {
  return state === undefined
    ? "No agents yet. Make a token with 'tautline tokens create' and run the join line on a host."
    : `No agent is ${state}.`;
}

function asked(agent: Row, key: string): string {
  return textOf(rowOf(agent, "approval"), key);
}

/** The queue: what tells one candidate from another, and the code to compare. */
function queueColumns({ now }: Pick<CommandContext, "now">): readonly Column[] {
  return [
    { title: "ID", cell: (row) => textOf(row, "id") },
    { title: "NAME", cell: (row) => textOf(row, "name") },
    { title: "NAMESPACE", cell: (row) => textOf(row, "namespace") },
    { title: "WAITS FOR", cell: (row) => waitsFor(row) },
    { title: "FROM", cell: (row) => asked(row, "remoteAddress") },
    { title: "ASKED", cell: (row) => distanceText(asked(row, "requestedAt"), now()) },
    { title: "CODE", cell: (row) => asked(row, "code") },
  ];
}

function columns({ now }: Pick<CommandContext, "now">): readonly Column[] {
  return [
    { title: "ID", cell: (row) => textOf(row, "id") },
    { title: "NAME", cell: (row) => textOf(row, "name") },
    { title: "NAMESPACE", cell: (row) => textOf(row, "namespace") },
    { title: "STATE", cell: (row) => textOf(row, "state") },
    {
      title: "LEVEL",
      cell: (row) => [textOf(row, "level"), upgradeText(row)].filter(Boolean).join(", "),
    },
    { title: "GROUP", cell: (row) => textOf(row, "group") },
    { title: "SEEN", cell: (row) => distanceText(row["lastSeenAt"], now()) },
    { title: "CERTIFICATE ENDS", cell: (row) => distanceText(row["certificateExpiresAt"], now()) },
  ];
}
