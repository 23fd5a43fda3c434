import { z } from "zod";
import { openApiDocument } from "../openapi.ts";
import { listRoutes } from "../route-list.ts";
import { defineVerb, type Verb } from "../verb.ts";

const row = z.strictObject({
  port: z.enum(["agents", "console"]),
  method: z.string(),
  path: z.string(),
  role: z.enum(["none", "agent", "viewer", "operator", "admin"]),
  reach: z.enum(["nothing", "central", "object", "place", "list"]),
});

/**
 * The verbs by which the API describes itself.
 *
 * @param verbs every verb there is, these included; asked at the first request
 * @param version of the product
 */
export function descriptionVerbs(verbs: () => readonly Verb[], version: string): readonly Verb[] {
  return [
    defineVerb({
      method: "GET",
      path: "/api/v1/routes",
      summary: "List every request of this API and the role it needs",
      role: "viewer",
      answer: z.strictObject({ items: z.array(row) }),
      reach: "nothing",
      run: () => ({ items: listRoutes(verbs()) }),
    }),
    defineVerb({
      method: "GET",
      path: "/api/v1/openapi.json",
      summary: "Describe this API as an OpenAPI 3.1 document",
      role: "viewer",
      answer: z.looseObject({ openapi: z.string() }),
      reach: "nothing",
      run: () => openApiDocument(verbs(), version),
    }),
  ];
}
