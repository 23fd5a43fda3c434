import { z } from "zod";
import type { ApiDeps } from "../api-deps.ts";
import { timeField } from "../fields.ts";
import { defineVerb, type Verb } from "../verb.ts";

const MAX_LIST = 10_000;

const range = z.strictObject({
  since: timeField.optional(),
  limit: z.coerce.number().int().min(1).max(MAX_LIST).default(1_000),
});

const entry = z.strictObject({
  seq: z.int(),
  at: timeField,
  action: z.string(),
  actor: z.string(),
  subject: z.string(),
  detail: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
});

const verdict = z.union([
  z.strictObject({ ok: z.literal(true), count: z.int(), head: z.string() }),
  z.strictObject({ ok: z.literal(false), at: z.int(), reason: z.string() }),
]);

/** The verbs of the audit trail. It is one chain over all namespaces, so it is for operators of every one. */
export function auditVerbs({ audit }: ApiDeps): readonly Verb[] {
  return [
    defineVerb({
      method: "GET",
      path: "/api/v1/audit",
      summary: "List the newest entries of the audit trail",
      role: "viewer",
      query: range,
      answer: z.strictObject({ items: z.array(entry) }),
      reach: "central",
      run: async ({ query: { since, limit } }) => {
        const sinceMs = since === undefined ? {} : { sinceMs: Date.parse(since) };
        return { items: await audit.list({ ...sinceMs, limit }) };
      },
    }),
    defineVerb({
      method: "GET",
      path: "/api/v1/audit/verify",
      summary: "Recompute the chain of the audit trail",
      role: "viewer",
      answer: verdict,
      reach: "central",
      run: () => audit.verify(),
    }),
  ];
}
