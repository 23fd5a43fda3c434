import { z } from "zod";
import { LEVELS } from "@tautline/protocol";
import { POLICY_KINDS } from "../../policy/policy-kind.ts";
import { policyViews } from "../../policy/policy-view.ts";
import type { ApiDeps } from "../api-deps.ts";
import { levelField, ofNamespace, timeField } from "../fields.ts";
import { defineList, type Verb } from "../verb.ts";

const exception = z.strictObject({
  agent: z.string(),
  kind: z.enum(POLICY_KINDS),
  level: levelField,
  reason: z.string(),
  change: z.string().nullable().describe("The change that it was made by."),
  since: timeField,
});

const row = z.strictObject({
  namespace: z.string(),
  kind: z.enum(POLICY_KINDS),
  accept: z.array(levelField).describe("Where tls is, mtls is too."),
  clientProof: z.enum(["none", "require"]),
  postQuantum: z.enum(["prefer", "require"]),
  loopback: z
    .enum(["keep", "off"])
    .describe("Whether plaintext from central's own host goes on whatever else is asked for."),
  heard: z
    .array(levelField)
    .describe("Of the accepted levels, those that a listener hears at this moment."),
  changedAt: timeField.nullable().describe("RFC 3339, UTC; null where nobody has set a policy."),
  changedBy: z.string().nullable(),
  exceptions: z.array(exception).describe("Who may use a level although the policy says no."),
});

/** The verb that shows what is asked of links. */
export function policyVerbs({
  policies,
  listeners,
  namespaces,
}: Pick<ApiDeps, "policies" | "listeners" | "namespaces">): readonly Verb[] {
  return [
    defineList({
      path: "/api/v1/policy",
      summary: "List what is asked of links by namespace and kind, and who is excepted",
      role: "viewer",
      query: ofNamespace,
      row,
      asked: ({ namespace }) => namespace,
      rows: async ({ namespace }) => {
        if (namespace !== undefined) await namespaces.get(namespace);
        // What another process has changed is seen here by the clock; what is shown is as it is on the disk.
        await policies.book.look();
        const listened = new Set(listeners.list().flatMap(({ levels }) => levels));
        const heard = LEVELS.filter((level) => listened.has(level));
        const all = policyViews(policies.book, heard);
        return namespace === undefined ? all : all.filter((each) => each.namespace === namespace);
      },
      namespaceOf: ({ namespace }) => namespace,
    }),
  ];
}
