import { parseNamespace } from "@tautline/protocol";
import { z } from "zod";
import { actorOf } from "../../operators/principal.ts";
import type { ApiDeps } from "../api-deps.ts";
import { namespaceField, timeField } from "../fields.ts";
import { defineList, defineVerb, notFound, type Verb } from "../verb.ts";

const order = z.strictObject({ name: z.string().max(64) });
const nameParams = z.strictObject({ name: namespaceField });
const row = z.strictObject({ name: z.string(), createdAt: timeField, agents: z.int() });

/** The verbs of namespaces. */
export function namespaceVerbs({ namespaces }: ApiDeps): readonly Verb[] {
  return [
    defineList({
      path: "/api/v1/namespaces",
      summary: "List the namespaces",
      role: "viewer",
      row,
      rows: () => namespaces.list(),
      namespaceOf: ({ name }) => name,
    }),
    defineVerb({
      method: "GET",
      path: "/api/v1/namespaces/:name",
      summary: "Show a namespace",
      role: "viewer",
      params: nameParams,
      answer: row,
      reach: "object",
      namespaceOf: ({ params: { name } }) => name,
      missing: ({ params: { name } }) => notFound("namespace", name),
      run: ({ params: { name } }) => namespaces.get(name),
    }),
    defineVerb({
      method: "POST",
      path: "/api/v1/namespaces",
      summary: "Make a namespace and its own authority",
      role: "admin",
      body: order,
      answer: row,
      status: 201,
      reach: "central",
      run: ({ body }, who) => namespaces.create(parseNamespace(body.name), actorOf(who)),
    }),
  ];
}
