import { withCentral, type CentralOptions } from "../central-verb.ts";
import { createAdminClient } from "../client.ts";
import { groupText } from "../group-text.ts";
import type { DefineVerb } from "../noun.ts";
import { countValue, durationValue } from "../option-values.ts";
import { textOf } from "../row.ts";
import { type Column, renderTable } from "../table.ts";
import { timeText } from "../time-text.ts";

interface LinkHistoryOptions extends CentralOptions {
  readonly agent?: string;
  readonly kind?: string;
  readonly level?: string;
  readonly namespace?: string;
  readonly since?: number;
  readonly after?: string;
  readonly limit: number;
}

const COLUMNS: readonly Column[] = [
  { title: "AGENT", cell: (row) => textOf(row, "agent") },
  { title: "NAME", cell: (row) => textOf(row, "name") },
  { title: "KIND", cell: (row) => textOf(row, "kind") },
  { title: "COMPONENT", cell: (row) => textOf(row, "component") },
  { title: "LEVEL", cell: (row) => textOf(row, "level") },
  { title: "GROUP", cell: groupText },
  { title: "PQ", cell: (row) => textOf(row, "pq") },
  { title: "LINKS", cell: (row) => textOf(row, "links"), align: "right" },
  { title: "DAYS", cell: (row) => textOf(row, "days"), align: "right" },
  { title: "FIRST", cell: (row) => timeText(row["firstAt"]) },
  { title: "LAST", cell: (row) => timeText(row["lastAt"]) },
  { title: "FROM", cell: (row) => textOf(row, "lastAddress") },
  { title: "REFUSED", cell: (row) => textOf(row, "refused") },
];

/** `tautline links history`: what was negotiated over time, by whom, and what was refused. */
export const showLinkHistory: DefineVerb = (command, context) => {
  withCentral(command)
    .summary("show what links negotiated over time")
    .description(
      "Shows what each agent's links negotiated over time: how many links on how many days, the first and the last time, and " +
        "from where. Refused attempts of known agents are there with the reason; those of nobody known: 'links strangers'.",
    )
    .option("--agent <id>", "only this agent's")
    .option("--kind <kind>", "only this kind: control, pull, forward, peer or receiver")
    .option("--level <level>", "only this level: plaintext, basic, advanced, tls or mtls")
    .option("--namespace <name>", "only this namespace's agents")
    .option("--since <duration>", "only what was seen in the last 24h, 30d, ...", durationValue)
    .option("--limit <n>", "stop after the agent with which n lines are reached", countValue, 1_000)
    .option("--after <id>", "go on after this agent")
    .action(async (options: LinkHistoryOptions) => {
      const { output, now } = context;
      const { agent, kind, level, namespace, after, limit } = options;
      const since = sinceTime(options.since, now());
      const query = { agent, kind, level, namespace, since, after, limit };
      const client = createAdminClient(context, options);
      const items = await client.list({ path: ["links", "history"], query });
      await output.print({ items }, () =>
        renderTable(COLUMNS, items, {
          paint: output.paint,
          empty:
            "No such links were seen. 'tautline agents list' tells when each agent was last seen.",
        }),
      );
      const last = items.at(-1);
      if (last === undefined || items.length < limit) return;
      output.note(`There may be more: --after ${textOf(last, "agent")}`);
    });
};

/**
 * Gives the begin of a period as the API takes it.
 *
 * @param since its length in milliseconds; undefined for all there is
 * @param nowMs milliseconds since the epoch
 */
export function sinceTime(since: number | undefined, nowMs: number): string | undefined {
  return since === undefined ? undefined : new Date(Math.max(0, nowMs - since)).toISOString();
}
