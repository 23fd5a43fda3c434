import type { Output } from "../output.ts";
import { type Row, rowOf, rowsOf, textOf } from "../row.ts";
import { type Column, renderTable } from "../table.ts";
import { timeText } from "../time-text.ts";

const VERDICTS = ["stays", "moves", "unknown", "cut off"];

const COLUMNS: readonly Column[] = [
  { title: "VERDICT", cell: (row) => textOf(row, "verdict") },
  { title: "AGENT", cell: (row) => textOf(row, "id") },
  { title: "NAME", cell: (row) => textOf(row, "name") },
  { title: "REASON", cell: (row) => textOf(row, "reason") },
  { title: "KIND", cell: (row) => textOf(deciding(row), "kind") },
  { title: "COMPONENT", cell: (row) => textOf(deciding(row), "component") },
  { title: "LEVEL", cell: (row) => textOf(deciding(row), "level") },
  { title: "LAST", cell: lastText },
  { title: "FROM", cell: (row) => textOf(deciding(row), "lastAddress") },
  { title: "REFUSED", cell: (row) => String(refusedOf(row)), align: "right" },
];

/**
 * Writes a plan for people: how many of each verdict, agent by agent why, and what to do about each reason, once.
 *
 * @param plan as central answered
 * @param paint for the heads
 */
export async function planText(plan: Row, paint: Output["paint"]): Promise<string> {
  const agents = rowsOf(plan, "agents");
  const table = await renderTable(COLUMNS, agents, {
    paint,
    empty: "No agents are to be shown.",
  });
  const remedies = remediesIn(agents);
  const todo = remedies.length === 0 ? [] : ["", paint("bold", "What to do"), ...remedies];
  return [totalsText(rowOf(plan, "totals")), "", table, ...todo].join("\n");
}

/**
 * Writes how many agents have each verdict, on one line.
 *
 * @param totals as central answered
 */
export function totalsText(totals: Row): string {
  return VERDICTS.map((verdict) => `${verdict} ${textOf(totals, verdict) || "0"}`).join(", ");
}

/** The part that decided; where there are more, the first of them. */
function deciding(agent: Row): Row {
  const parts = rowsOf(agent, "parts");
  return parts.find((part) => part["reason"] === agent["reason"]) ?? parts[0] ?? {};
}

function lastText(agent: Row): string {
  const part = deciding(agent);
  return part["live"] === true ? "now" : timeText(part["lastAt"]);
}

/** Links that the policy would have refused in the period. */
function refusedOf(agent: Row): number {
  return rowsOf(agent, "parts").reduce((sum, part) => sum + Number(part["wouldRefuse"] ?? 0), 0);
}

/** One line a reason: what is said of many agents is said once. */
function remediesIn(agents: readonly Row[]): readonly string[] {
  const lines = agents
    .filter((agent) => textOf(agent, "remedy") !== "")
    .map((agent) => {
      const remedy = textOf(agent, "remedy").replaceAll(textOf(agent, "id"), "ID");
      return `  ${textOf(agent, "reason")}: ${remedy}`;
    });
  return [...new Set(lines)];
}
