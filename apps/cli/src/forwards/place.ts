import type { Command } from "commander";
import { formatDuration, LIMITS, parseAgentId } from "@tautline/protocol";
import type { CentralOptions } from "../central-verb.ts";
import { textOf, type Row } from "../row.ts";

/** Which allowance is meant, as the command line says it. */
export interface PlaceOptions extends CentralOptions {
  readonly namespace: string;
  readonly agent?: string;
}

/**
 * Adds `--namespace NAME` and `--agent ID`.
 *
 * @param command the verb
 */
export function withPlace(command: Command): Command {
  return command
    .option("--namespace <name>", "for agents of this namespace", "default")
    .option("--agent <id>", "for this agent alone; its own goes before its namespace's");
}

/**
 * What the API is told of the place; absent means every agent of the namespace.
 *
 * @throws value.agent_id
 */
export function placeOf({ namespace, agent }: PlaceOptions): {
  readonly namespace: string;
  readonly agent?: string;
} {
  return { namespace, ...(agent !== undefined && { agent: parseAgentId(agent) }) };
}

/**
 * Says for people whom an allowance is for.
 *
 * @param row with `agent` and `namespace`
 */
export function forWhom(row: Row): string {
  const agent = textOf(row, "agent");
  return agent === "" ? `agents of namespace ${textOf(row, "namespace")}` : `agent ${agent}`;
}

/**
 * Tells whether an allowance is for operators, to open a service of an agent.
 *
 * @param row with `direction`, which centrals of an older version do not say
 */
export function isReverse(row: Row): boolean {
  return row["direction"] === "in";
}

/**
 * Writes a limit of time for people, without losing any of it.
 *
 * @param ms milliseconds, as central says them
 * @returns an empty text for anything that is no duration
 */
export function durationText(ms: unknown): string {
  const isWhole = typeof ms === "number" && ms >= 0 && ms <= LIMITS.durationMs.value;
  if (!isWhole) return "";
  return ms % 1_000 === 0 ? formatDuration(ms) : `${ms} ms`;
}
