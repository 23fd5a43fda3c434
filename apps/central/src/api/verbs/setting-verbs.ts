import { LIMITS } from "@tautline/protocol";
import { z } from "zod";
import { actorOf } from "../../operators/principal.ts";
import type { ApiDeps } from "../api-deps.ts";
import { namespaceField, ofNamespace } from "../fields.ts";
import { defineList, defineVerb, type Verb } from "../verb.ts";

const keyField = z.string().max(256);
const place = z
  .union([z.literal(""), namespaceField])
  .default("")
  .describe("Empty: every namespace.");
const setting = z.strictObject({
  namespace: place,
  key: keyField,
  value: z.string().max(LIMITS.attributeBytes.value),
});
const named = z.strictObject({ namespace: place, key: keyField });
const row = z.strictObject({ namespace: z.string(), key: z.string(), value: z.string() });

/** The verbs of what central sets on its agents. */
export function settingVerbs({ settings, namespaces }: ApiDeps): readonly Verb[] {
  return [
    defineList({
      path: "/api/v1/settings",
      summary: "List what is set on agents",
      role: "viewer",
      query: ofNamespace,
      row,
      asked: ({ namespace }) => namespace,
      rows: async ({ namespace }) => {
        if (namespace !== undefined) await namespaces.get(namespace);
        return settings.list(namespace);
      },
      namespaceOf: ({ namespace }) => namespace,
    }),
    defineVerb({
      method: "PUT",
      path: "/api/v1/settings",
      summary: "Set a setting on the agents of a namespace, or of all",
      role: "operator",
      body: setting,
      reach: "place",
      namespaceOf: ({ body }) => body.namespace,
      run: ({ body }, who) => settings.put(body, actorOf(who)),
    }),
    defineVerb({
      method: "DELETE",
      path: "/api/v1/settings",
      summary: "Take a setting back",
      role: "operator",
      query: named,
      reach: "place",
      namespaceOf: ({ query }) => query.namespace,
      run: ({ query: { namespace, key } }, who) => settings.remove(namespace, key, actorOf(who)),
    }),
  ];
}
