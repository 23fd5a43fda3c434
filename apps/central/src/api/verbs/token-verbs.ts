import { formatTimestamp } from "@tautline/protocol";
import { z } from "zod";
import { actorOf } from "../../operators/principal.ts";
import type { ApiDeps } from "../api-deps.ts";
import { idParams, namespaceField, timeField } from "../fields.ts";
import { defineList, defineVerb, notFound, type Verb } from "../verb.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
const HOUR_MS = 60 * 60 * 1_000;
const MAX_TTL_MS = 30 * DAY_MS;

const order = z.strictObject({
  namespace: namespaceField.default("default"),
  uses: z.int().min(1).max(100_000).default(1),
  ttlMs: z.int().min(1_000).max(MAX_TTL_MS).default(HOUR_MS),
  approve: z
    .boolean()
    .default(false)
    .describe("Whoever joins with it waits until an operator approves."),
});

const made = z.strictObject({
  id: z.string(),
  token: z.string().describe("Shown this once; central keeps a hash."),
  uses: z.int(),
  expiresAt: timeField,
});

const row = z.strictObject({
  id: z.string(),
  namespace: z.string(),
  state: z.enum(["open", "used up", "expired", "revoked"]),
  uses: z.int(),
  usesMade: z.int(),
  approve: z.boolean(),
  createdAt: timeField,
  createdBy: z.string(),
  expiresAt: timeField,
});

/** The verbs of enrolment tokens. */
export function tokenVerbs({ tokens }: ApiDeps): readonly Verb[] {
  return [
    defineVerb({
      method: "POST",
      path: "/api/v1/tokens",
      summary: "Make an enrolment token",
      role: "operator",
      body: order,
      answer: made,
      status: 201,
      reach: "place",
      namespaceOf: ({ body }) => body.namespace,
      run: async ({ body }, who) => {
        const token = await tokens.create({ ...body, createdBy: actorOf(who) });
        const expiresAt = formatTimestamp(token.expiresAtMs);
        return { id: token.id, token: token.token, uses: body.uses, expiresAt };
      },
    }),
    defineList({
      path: "/api/v1/tokens",
      summary: "List the enrolment tokens, without their secrets",
      role: "viewer",
      row,
      rows: () => tokens.list(),
      namespaceOf: ({ namespace }) => namespace,
    }),
    defineVerb({
      method: "POST",
      path: "/api/v1/tokens/:id/revoke",
      summary: "End an enrolment token; agents that joined with it stay",
      role: "operator",
      params: idParams,
      reach: "object",
      namespaceOf: async ({ params: { id } }) => {
        const token = (await tokens.list()).find((each) => each.id === id);
        if (token === undefined) throw notFound("token", id);
        return token.namespace;
      },
      missing: ({ params: { id } }) => notFound("token", id),
      run: ({ params: { id } }, who) => tokens.revoke(id, actorOf(who)),
    }),
  ];
}
