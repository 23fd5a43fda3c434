import { LINK_KINDS } from "@tautline/protocol";
import { z } from "zod";
import type { ApiDeps } from "../api-deps.ts";
import { levelField, namespaceField, timeField } from "../fields.ts";
import { defineList, defineVerb, type Verb } from "../verb.ts";

const MAX_LINES = 10_000;

const filter = z.strictObject({
  agent: z.string().max(64).optional(),
  kind: z.enum(LINK_KINDS).optional(),
  level: levelField.optional(),
  namespace: namespaceField.optional(),
  since: timeField.optional(),
  after: z.string().max(64).optional().describe("Goes on after this agent's id."),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_LINES)
    .default(1_000)
    .describe("The agent with which as many lines are reached is the last, and whole."),
});

const row = z.strictObject({
  agent: z.string(),
  name: z.string().describe("A label for people, never an identity."),
  namespace: z.string(),
  kind: z.enum(LINK_KINDS),
  component: z.string(),
  level: levelField,
  protocol: z.string().nullable(),
  cipher: z.string().nullable(),
  group: z.string().nullable(),
  pq: z.boolean(),
  serverProven: z.boolean(),
  clientProven: z.boolean(),
  forwardSecret: z.boolean(),
  credential: z.enum(["certificate", "key", "none"]).describe("What the agent proved itself by."),
  refused: z.string().nullable().describe("Code of the refusal; null for links that were taken."),
  links: z.int().describe("Links opened, or attempts refused, since firstAt."),
  days: z.int().describe("Days on which it was seen, at least."),
  firstAt: timeField,
  lastAt: timeField.describe("Of a link that lives at most 15 minutes behind."),
  lastAddress: z.string(),
});

const attempts = z.strictObject({
  network: z.string().describe("A /24 of IPv4, a /64 of IPv6, 'unknown', or 'other' for the rest."),
  code: z.string(),
  attempts: z.int(),
  firstAt: timeField,
  lastAt: timeField,
});

/** The verbs of the history of links. */
export function historyVerbs({ history }: ApiDeps): readonly Verb[] {
  return [
    defineList({
      path: "/api/v1/links/history",
      summary: "List what agents' links negotiated over time, and why agents were refused",
      role: "viewer",
      query: filter,
      row,
      asked: ({ namespace }) => namespace,
      rows: async ({ since, ...wanted }, who) => {
        // What was seen until now is in the answer.
        await history.recorder.flush();
        const namespace = wanted.namespace ?? who.namespace;
        const sinceMs = since === undefined ? undefined : Date.parse(since);
        return history.list({ ...wanted, namespace, sinceMs });
      },
      namespaceOf: ({ namespace }) => namespace,
    }),
    defineVerb({
      method: "GET",
      path: "/api/v1/links/strangers",
      summary: "List the refused attempts of nobody known, by network and reason",
      role: "viewer",
      query: z.strictObject({ since: timeField.optional() }),
      answer: z.strictObject({ items: z.array(attempts) }),
      reach: "central",
      run: async ({ query: { since } }) => {
        await history.recorder.flush("strangers");
        const seen = await history.strangersSince(since === undefined ? 0 : Date.parse(since));
        const items = seen.map(({ network, code, attempts: count, firstMs, lastMs }) => ({
          network,
          code,
          attempts: count,
          firstAt: new Date(firstMs).toISOString(),
          lastAt: new Date(lastMs).toISOString(),
        }));
        return { items };
      },
    }),
  ];
}
