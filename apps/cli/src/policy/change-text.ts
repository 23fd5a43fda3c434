import { printableText } from "@tautline/protocol";
import { durationText } from "../forwards/place.ts";
import type { Output } from "../output.ts";
import { type Row, rowOf, rowsOf, textOf } from "../row.ts";
import { type Column, renderPage, renderTable } from "../table.ts";
import { timeAndDistance } from "../time-text.ts";
import { totalsText } from "./plan-text.ts";

/** Why a change is undone, by central's word. */
const REASONS: Readonly<Record<string, string>> = {
  not_heard: "a level of the new policy could not be listened to",
  agents_lost: "more agents were lost than --undo-if allows",
  asked: "an operator took it back",
};

/** Why an agent is excepted or lost, by central's word; others are the agent's own. */
const AGENT_REASONS: Readonly<Record<string, string>> = {
  not_moved: "it has not climbed in time",
  missing: "it has not come back",
};

/**
 * Says for people why a change is undone.
 *
 * @param change as central answered
 */
export function reasonText(change: Row): string {
  const reason = textOf(change, "reason");
  return REASONS[reason] ?? reason;
}

/**
 * Where a change holds, for people.
 *
 * @param change as central answered
 */
export function scopeText(change: Row): string {
  const namespace = textOf(change, "namespace");
  return namespace === "" ? "all namespaces" : `namespace ${namespace}`;
}

/**
 * What a change does now, on one line that stays the same while nothing happens.
 *
 * @param change as central answered
 */
export function stepText(change: Row): string {
  const counts = rowOf(change, "counts");
  const count = (name: string): string => textOf(counts, name) || "0";
  const step = textOf(change, "step");
  switch (step) {
    case "opening":
      return "opening: what the new policy needs is being listened to";
    case "moving":
      return `moving: ${count("moving")} of ${count("watched")} linked agents have still to climb`;
    case "watching":
      return (
        `watching: ${count("watched")} agents, ${count("met")} as the policy asks, ` +
        `${count("missing")} missing, ${count("lost")} lost, ${count("excepted")} excepted`
      );
    default:
      return step;
  }
}

/**
 * How far a change has come in its step, for a line that is written over.
 *
 * @param change as central answered
 */
export function spentText(change: Row): string {
  const spent = durationText(Math.floor(Number(change["spentMs"] ?? 0) / 1_000) * 1_000);
  const step = textOf(change, "step");
  if (step !== "watching" && step !== "moving") return "";
  return ` (${spent} of ${durationText(change["windowMs"])})`;
}

/**
 * Writes how a change has ended.
 *
 * @param change as central answered
 */
export function endText(change: Row): string {
  const head = `Change ${textOf(change, "id")} of the policy of ${scopeText(change)}`;
  const counts = rowOf(change, "counts");
  const told = ["watched", "met", "excepted", "lost"].map(
    (name) => `${name} ${textOf(counts, name) || "0"}`,
  );
  const isUndone = textOf(change, "step") === "undone";
  const end = isUndone ? `is undone: ${reasonText(change)}` : "is done";
  return `${head} ${end}. Agents: ${told.join(", ")}.`;
}

const AGENT_COLUMNS: readonly Column[] = [
  { title: "AGENT", cell: (row) => textOf(row, "id") },
  { title: "NAMESPACE", cell: (row) => textOf(row, "namespace") },
  { title: "VERDICT", cell: (row) => textOf(row, "verdict") },
  { title: "NOW", cell: nowText },
  { title: "WHY", cell: (row) => whyText(textOf(row, "reason")) },
];

function nowText(agent: Row): string {
  if (agent["ended"] === true) return "no longer let in";
  if (agent["lost"] === true) return agent["excepted"] === true ? "lost, excepted" : "lost";
  if (agent["excepted"] === true) return "excepted";
  if (agent["met"] === true) return "as the policy asks";
  if (agent["watched"] === true) return "watched";
  return agent["verdict"] === "cut off" ? "may be cut off" : "not linked when it began";
}

function whyText(reason: string): string {
  return AGENT_REASONS[reason] ?? printableText(reason, 200);
}

/**
 * Writes the page of one change.
 *
 * @param change as central answered
 * @param deps clock and paint
 */
export async function changePage(
  change: Row,
  { paint, nowMs }: { readonly paint: Output["paint"]; readonly nowMs: number },
): Promise<string> {
  const policy = rowOf(change, "policy");
  const isUndone = textOf(change, "reason") !== "";
  const page = renderPage(
    [
      ["change", textOf(change, "id")],
      ["of", `${scopeText(change)}, links of kind ${textOf(change, "kinds")}`],
      ["accepts", textOf(policy, "accept")],
      ["client proof", textOf(policy, "clientProof")],
      ["post-quantum", textOf(policy, "postQuantum")],
      ["loopback", textOf(policy, "loopback")],
      ["begun", `${timeAndDistance(change["startedAt"], nowMs)} by ${textOf(change, "startedBy")}`],
      ["plan", totalsText(rowOf(change, "totals"))],
      ["step", stepText(change)],
      ["undone", isUndone ? `${reasonText(change)}, by ${textOf(change, "undoneBy")}` : undefined],
      ["ended", timeAndDistance(change["endedAt"], nowMs)],
      ["window", durationText(change["windowMs"])],
      ["undone by itself", undoText(change)],
    ],
    paint,
  );
  const agents = await renderTable(AGENT_COLUMNS, rowsOf(change, "agents"), {
    paint,
    empty: "There is no agent of whom there is something to tell.",
  });
  return `${page.trimEnd()}\n\n${agents}`;
}

function undoText(change: Row): string {
  if (change["undo"] !== true) return "never; nobody is let back";
  return `when more than ${textOf(change, "undoIf")} % of the watched agents are lost`;
}
