import { z } from "zod";
import { CHANGE_STEPS, type ChangeAgent } from "../policy/change.ts";
import type { CountedChange } from "../policy/change-store.ts";
import { POLICY_KINDS } from "../policy/policy-kind.ts";
import { levelField, namespaceField, timeField } from "./fields.ts";
import { policyField, verdictField } from "./policy-fields.ts";

const countsField = z.strictObject({
  watched: z.int().describe("Linked when it began, and not allowed to be cut off."),
  moving: z.int().describe("Of these: told to climb, and neither there nor excepted."),
  met: z.int().describe("Of these: linked as the new policy asks since it began."),
  missing: z.int().describe("Of these: not linked now, for a short time."),
  lost: z.int().describe("Of these: not linked for a third of the window."),
  excepted: z.int().describe("Let use what they used before."),
});

const facts = {
  id: z.int(),
  namespace: namespaceField.nullable().describe("Null: every one there was when it began."),
  kinds: z.array(z.enum(POLICY_KINDS)),
  policy: policyField,
  step: z.enum(CHANGE_STEPS),
  reason: z
    .string()
    .describe("Why it is undone: not_heard, agents_lost or asked; empty otherwise."),
  undoneBy: z.string().describe("Who has it undone; empty otherwise."),
  startedAt: timeField,
  startedBy: z.string(),
  stepAt: timeField.describe("When it came to this step."),
  endedAt: timeField.nullable(),
  windowMs: z.int(),
  spentMs: z.int().describe("Time spent in this step while central ran."),
  undoIf: z.number().describe("Share in percent above which all is undone."),
  undo: z.boolean().describe("False: nobody is let back."),
  totals: z.record(verdictField, z.int()).describe("What the plan said when it began."),
  counts: countsField,
};

/** A change of policy in an answer. */
export const changeField = z.strictObject(facts);

const agentField = z.strictObject({
  id: z.string(),
  namespace: namespaceField,
  verdict: verdictField,
  watched: z.boolean(),
  moveTo: levelField.nullable(),
  met: z.boolean(),
  excepted: z.boolean(),
  lost: z.boolean(),
  ended: z.boolean().describe("Its right ended meanwhile."),
  reason: z.string().describe("Why it is excepted or lost; empty otherwise."),
});

/** The same with its agents. */
export const changePageField = z.strictObject({
  ...facts,
  agents: z
    .array(agentField)
    .describe(
      "Those of whom there is something to tell, in the order of ids, at most 1,000: not who is as the policy asks.",
    ),
});

/**
 * Writes a change as an answer has it.
 *
 * @param counted the change, and what has become of its agents
 */
export function changeView({ change, counts }: CountedChange): z.output<typeof changeField> {
  const { accept, ...asked } = change.policy;
  return {
    id: change.id,
    namespace: change.namespace ?? null,
    kinds: [...change.kinds],
    policy: { ...asked, accept: [...accept] },
    step: change.step,
    reason: change.reason,
    undoneBy: change.undoneBy,
    startedAt: time(change.startedMs),
    startedBy: change.actor,
    stepAt: time(change.stepMs),
    endedAt: change.endedMs === null ? null : time(change.endedMs),
    windowMs: change.windowMs,
    spentMs: Math.floor(change.spentMs),
    undoIf: change.undoIf,
    undo: change.mayUndo,
    totals: { ...change.totals },
    counts: { ...counts },
  };
}

/**
 * Writes an agent of a change as an answer has it.
 *
 * @param agent as the change sees it
 */
export function changeAgentView(agent: ChangeAgent): z.output<typeof agentField> {
  return {
    id: agent.id,
    namespace: agent.namespace,
    verdict: agent.verdict,
    watched: agent.isWatched,
    moveTo: agent.moveTo,
    met: agent.hasMet,
    excepted: agent.isExcepted,
    lost: agent.isLost,
    ended: agent.isEnded,
    reason: agent.code,
  };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
