import assert from "node:assert/strict";
import { linksOf, type PolicyScene } from "../test/integration/policy-scene.ts";
import type { Member } from "./drill-fleet.ts";

/** An agent as a plan judges it. */
export interface Planned {
  readonly id: string;
  readonly name: string;
  readonly verdict: string;
  readonly reason: string;
}

/** A plan, as the API gives it. */
export interface Plan {
  readonly agents: readonly Planned[];
  readonly totals: Readonly<Record<string, number>>;
}

/** A member with what the plan said of it, and what became of it. */
export interface Judged extends Planned {
  readonly member: Member;
  readonly outcome: string;
}

/**
 * Puts beside each verdict what became of the agent: the link that there is.
 *
 * @param scene the central
 * @param plan made before the change
 * @param members who was started
 * @throws AssertionError where the plan names somebody else
 */
export async function judge(
  scene: PolicyScene,
  plan: Plan,
  members: readonly Member[],
): Promise<readonly Judged[]> {
  const links = await linksOf(scene);
  const byName = new Map(members.map((member) => [member.name, member]));
  return plan.agents.map((planned) => {
    const member = byName.get(planned.name);
    assert.ok(member, `the plan names ${planned.name}, whom nobody started`);
    const level = links.get(planned.id)?.level;
    return { ...planned, member, outcome: level === undefined ? "not linked" : `at ${level}` };
  });
}

/**
 * Requires of each verdict that it is what happened: no false `stays`, and nobody lost who was not named.
 *
 * @param judged as `judge` gave it
 * @throws AssertionError naming the agent
 */
export function requireAsPlanned(judged: readonly Judged[]): void {
  for (const { name, verdict, reason, member, outcome } of judged) {
    const says = `${name}: ${verdict} (${reason}), but ${outcome}`;
    if (verdict === "stays") assert.equal(member.kind, "mtls", says);
    assert.equal(verdict === "cut off", member.isStraggler, says);
    const expected = member.isStraggler || member.isOffline ? "not linked" : "at mtls";
    assert.equal(outcome, expected, says);
  }
}

/**
 * Counts verdict and reason by what the agent is and what became of it.
 *
 * @param judged as `judge` gave it
 * @returns lines of Markdown
 */
export function tableOf(judged: readonly Judged[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { verdict, reason, member, outcome } of judged) {
    const was = member.isOffline ? `${member.kind}, switched off` : member.kind;
    const key = [verdict, reason, was, outcome].join(" | ");
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const lines = [...counts]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, count]) => `| ${key} | ${count} |`);
  return ["| verdict | reason | agent | outcome | agents |", "|---|---|---|---|--:|", ...lines];
}
