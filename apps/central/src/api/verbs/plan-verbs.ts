import { z } from "zod";
import { VERDICTS } from "../../policy/plan.ts";
import { wantedPolicy } from "../../policy/wanted-policy.ts";
import type { ApiDeps } from "../api-deps.ts";
import { namespaceField, timeField } from "../fields.ts";
import { planField, planView, policyOrderFields, verdictField } from "../policy-fields.ts";
import { defineVerb, type Verb } from "../verb.ts";

const MAX_AGENTS = 100_000;

const order = z.strictObject({
  ...policyOrderFields,
  namespace: namespaceField.optional().describe("Absent: every one, for who may see every one."),
  since: timeField
    .optional()
    .describe("Links since then count; absent: of the last 30 days. Older ones prove nothing."),
  verdicts: z
    .array(verdictField)
    .max(VERDICTS.length)
    .default([...VERDICTS])
    .describe("Show these agents alone; the totals stay whole."),
  limit: z
    .int()
    .min(1)
    .max(MAX_AGENTS)
    .default(10_000)
    .describe("Show so many agents at most, the worst verdicts first."),
});

/** The verb of the planner: it looks, and changes nothing. */
export function planVerbs({ plan, namespaces }: Pick<ApiDeps, "plan" | "namespaces">): Verb[] {
  return [
    defineVerb({
      method: "POST",
      path: "/api/v1/policy/plan",
      summary: "Say agent by agent what would become of the fleet under a policy",
      role: "viewer",
      body: order,
      answer: planField,
      reach: "place",
      namespaceOf: ({ body }) => body.namespace ?? "",
      run: async ({ body }) => {
        const { namespace, kinds, since, verdicts, limit } = body;
        const policy = wantedPolicy(body);
        // A slip in the name must not read as "nobody is cut off".
        if (namespace !== undefined) await namespaces.get(namespace);
        const sinceMs = since === undefined ? undefined : Date.parse(since);
        return planView(await plan({ namespace, kinds, policy }, sinceMs), { verdicts, limit });
      },
    }),
  ];
}
