import { checkpointToJson, TautlineError } from "@tautline/protocol";
import { z } from "zod";
import type { ApiDeps } from "../api-deps.ts";
import { idParams, timeField } from "../fields.ts";
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
  z.strictObject({
    ok: z.literal(true),
    count: z.int(),
    head: z.string(),
    checkpoints: z.int(),
    signedTo: z.int(),
  }),
  z.strictObject({ ok: z.literal(false), at: z.int(), reason: z.string() }),
]);

const number = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const part = z.strictObject({
  since: timeField.optional(),
  after: number.optional().describe("Go on behind this entry."),
  afterCheckpoint: number.optional().describe("With `after`: go on behind this checkpoint."),
  follow: z.enum(["true", "false"]).default("false").describe("Wait for what is written next."),
});

const line = z
  .looseObject({ type: z.enum(["trail", "entry", "checkpoint", "end", "more"]) })
  .describe("One line of an export; docs/reference/audit.md.");

const checkpoint = z
  .looseObject({ type: z.literal("checkpoint"), body: z.string(), signature: z.string() })
  .describe("A signed checkpoint; docs/reference/audit.md.");

const side = z.strictObject({ number: z.int(), seq: z.int(), at: timeField, head: z.string() });

const fork = z.strictObject({
  id: z.string(),
  foundAt: timeField,
  acknowledgedAt: timeField.nullable(),
  seen: side,
  shown: side,
  witnesses: z.int(),
  agents: z.array(z.string()),
  evidence: checkpoint,
});

/** The verbs of the audit trail. It is one chain over all namespaces, so it is for operators of every one. */
export function auditVerbs(deps: ApiDeps): readonly Verb[] {
  return [...trailVerbs(deps), ...forkVerbs(deps)];
}

function trailVerbs({ audit, trail }: ApiDeps): readonly Verb[] {
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
      summary: "Recompute the chain of the audit trail and prove its checkpoints",
      role: "viewer",
      answer: verdict,
      reach: "central",
      run: () => trail.verify(),
    }),
    defineVerb({
      method: "GET",
      path: "/api/v1/audit/export",
      summary: "Export the audit trail, one JSON object a line",
      role: "viewer",
      query: part,
      answer: line,
      media: "application/x-ndjson",
      reach: "central",
      run: ({ query: { since, after, afterCheckpoint = 0, follow } }) =>
        trail.exporter.open({
          ...(since === undefined ? {} : { sinceMs: Date.parse(since) }),
          ...(after === undefined ? {} : { after: { seq: after, checkpoint: afterCheckpoint } }),
          isFollowed: follow === "true",
        }),
    }),
    defineVerb({
      method: "GET",
      path: "/api/v1/audit/head",
      summary: "Show the newest signed checkpoint",
      role: "viewer",
      answer: checkpoint,
      reach: "central",
      run: () => {
        const newest = trail.keeper.newest();
        if (newest === undefined) throw new TautlineError("audit.no_checkpoint");
        return checkpointToJson(newest.signed);
      },
    }),
  ];
}

function forkVerbs({ trail }: ApiDeps): readonly Verb[] {
  return [
    defineVerb({
      method: "GET",
      path: "/api/v1/audit/forks",
      summary: "List what agents have seen that is not in the audit trail",
      role: "viewer",
      answer: z.strictObject({ items: z.array(fork) }),
      reach: "central",
      run: async () => ({ items: await trail.forks.list() }),
    }),
    defineVerb({
      method: "POST",
      path: "/api/v1/audit/forks/:id/acknowledge",
      summary: "Say that a fork of the audit trail is as it should be",
      role: "admin",
      params: idParams,
      reach: "central",
      run: async ({ params: { id } }, who) => {
        await trail.forks.acknowledge(id, who);
      },
    }),
  ];
}
