import { parseNamespace, parseOperatorName } from "@tautline/protocol";
import { z } from "zod";
import type { ApiDeps } from "../api-deps.ts";
import { namespaceField, roleField, timeField } from "../fields.ts";
import { defineList, defineVerb, notFound, type Verb } from "../verb.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
const DEFAULT_TTL_MS = 90 * DAY_MS;
const MAX_TTL_MS = 366 * DAY_MS;

const nameField = z.string().max(128);
const nameParams = z.strictObject({ name: nameField });

const order = z.strictObject({
  name: nameField,
  role: roleField,
  namespace: namespaceField.optional().describe("Absent: every namespace."),
  ttlMs: z.int().min(1_000).max(MAX_TTL_MS).default(DEFAULT_TTL_MS),
});

const row = z.strictObject({
  name: z.string(),
  role: roleField,
  namespace: z.string().nullable().describe("Null: every namespace."),
  state: z.enum(["active", "expired", "disabled"]),
  tokenId: z.string(),
  createdAt: timeField,
  createdBy: z.string(),
  expiresAt: timeField,
});

/** The verbs of operators. */
export function operatorVerbs({ operators }: ApiDeps): readonly Verb[] {
  return [
    defineVerb({
      method: "POST",
      path: "/api/v1/operators",
      summary: "Make an operator and its token",
      role: "admin",
      body: order,
      answer: row.extend({ token: z.string().describe("Shown this once; central keeps a hash.") }),
      status: 201,
      // Names are given once in the whole central: whoever makes one learns which there are.
      reach: "central",
      run: ({ body: { name, role, namespace, ttlMs } }, who) =>
        operators.create(
          {
            name: parseOperatorName(name),
            role,
            namespace: namespace === undefined ? "" : parseNamespace(namespace),
            ttlMs,
          },
          who,
        ),
    }),
    defineList({
      path: "/api/v1/operators",
      summary: "List the operators, without their tokens",
      role: "admin",
      row,
      rows: () => operators.list(),
      namespaceOf: ({ namespace }) => namespace ?? "",
    }),
    defineVerb({
      method: "POST",
      path: "/api/v1/operators/:name/disable",
      summary: "End an operator's token and close its connections",
      role: "admin",
      params: nameParams,
      reach: "object",
      namespaceOf: ({ params: { name } }) => {
        const namespace = operators.namespaceOf(name);
        if (namespace === undefined) throw notFound("operator", name);
        return namespace;
      },
      missing: ({ params: { name } }) => notFound("operator", name),
      run: ({ params: { name } }, who) => operators.disable(name, who),
    }),
  ];
}
