import { LEVELS, UPGRADES } from "@tautline/protocol";
import { z } from "zod";
import {
  PLAN_REASONS,
  type Plan,
  type PlannedAgent,
  type PlannedPart,
  type PlanReason,
  VERDICTS,
} from "../policy/plan.ts";
import { PLANNED_KINDS, POLICY_KINDS } from "../policy/policy-kind.ts";
import { levelField, namespaceField, timeField } from "./fields.ts";

const CLIENT_PROOF = ["none", "require"] as const;
const POST_QUANTUM = ["prefer", "require"] as const;
const LOOPBACK = ["keep", "off"] as const;

/** What a request says of the policy that it wants; `wantedPolicy` reads it. */
export const policyOrderFields = {
  kinds: z
    .array(z.enum(POLICY_KINDS))
    .min(1)
    .max(POLICY_KINDS.length)
    .default([...PLANNED_KINDS])
    .describe(
      "Kinds of link that it is for; absent: control and forward. Who sends telemetry may be no agent, and is in no plan.",
    ),
  floor: levelField.optional().describe("Accept this level and those above it."),
  accept: z
    .array(levelField)
    .max(LEVELS.length)
    .optional()
    .describe("Accept exactly these levels; where tls is, mtls is too. Instead of floor."),
  clientProof: z.enum(CLIENT_PROOF).default("none").describe("Who dials proves who it is."),
  postQuantum: z
    .enum(POST_QUANTUM)
    .default("prefer")
    .describe("The key exchange is a hybrid post-quantum one."),
  loopback: z
    .enum(LOOPBACK)
    .default("keep")
    .describe("Plaintext from central's own host goes on whatever else is asked for."),
};

/** A policy in an answer. */
export const policyField = z.strictObject({
  accept: z.array(levelField),
  clientProof: z.enum(CLIENT_PROOF),
  postQuantum: z.enum(POST_QUANTUM),
  loopback: z.enum(LOOPBACK),
});

/** A verdict of the planner. */
export const verdictField = z.enum(VERDICTS);

const reasonField = z.enum(Object.keys(PLAN_REASONS) as [PlanReason, ...PlanReason[]]);

const part = z.strictObject({
  kind: z.enum(POLICY_KINDS),
  component: z.string(),
  verdict: verdictField,
  reason: reasonField,
  level: levelField.nullable().describe("Of its latest link; null where it had none."),
  group: z.string().nullable(),
  lastAt: timeField.nullable(),
  lastAddress: z.string().describe("Empty where it had no link."),
  live: z.boolean(),
  wouldRefuse: z.int().describe("Links of the period that the policy would have refused."),
  moveTo: levelField
    .nullable()
    .describe("Where an instruction takes it; null where none is needed or would help."),
});

/** What becomes of an agent, in an answer. */
export const plannedAgentField = z.strictObject({
  id: z.string(),
  name: z.string().describe("A label for people, never an identity."),
  namespace: namespaceField,
  state: z.string(),
  verdict: verdictField,
  reason: reasonField,
  remedy: z.string().describe("Empty where there is nothing to do."),
  upgrade: z.enum(UPGRADES).describe("How its host gets a newer version, as it said."),
  parts: z.array(part),
});

/** A plan in an answer. */
export const planField = z.strictObject({
  agents: z.array(plannedAgentField).describe("The worst verdicts first, then by id."),
  left: z.int().describe("Agents with the verdicts asked for that the limit left out."),
  totals: z.record(verdictField, z.int()).describe("Of all agents, whatever is shown."),
  wanted: policyField,
  since: timeField.describe("Who was not linked since then is unknown."),
});

/** Which agents of a plan are shown. */
export interface Shown {
  readonly verdicts: readonly string[];
  readonly limit: number;
}

/**
 * Writes a plan as an answer has it.
 *
 * @param plan in the order of ids
 * @param shown which agents
 */
export function planView(plan: Plan, { verdicts, limit }: Shown): z.output<typeof planField> {
  const asked = VERDICTS.toReversed()
    .filter((verdict) => verdicts.includes(verdict))
    .flatMap((verdict) => plan.agents.filter((agent) => agent.verdict === verdict));
  const { totals, wanted, sinceMs } = plan;
  return {
    agents: asked.slice(0, limit).map(agentView),
    left: Math.max(0, asked.length - limit),
    totals: { ...totals },
    wanted: { ...wanted, accept: [...wanted.accept] },
    since: new Date(sinceMs).toISOString(),
  };
}

function agentView(agent: PlannedAgent): z.output<typeof plannedAgentField> {
  return { ...agent, parts: agent.parts.map(partView) };
}

function partView({
  lastMs,
  address,
  isLive,
  ...rest
}: PlannedPart): z.output<typeof plannedAgentField>["parts"][number] {
  const lastAt = lastMs === null ? null : new Date(lastMs).toISOString();
  return { ...rest, lastAt, lastAddress: address, live: isLive };
}
