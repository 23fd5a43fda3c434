import { z } from "zod";
import type { VerbFacts } from "./verb.ts";

const JSON_MEDIA = "application/json";

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Describes the API as an OpenAPI document (spec.openapis.org/oas/v3.1.0), from the schemas that read its requests.
 *
 * @param verbs what there is
 * @param version of the product
 */
export function openApiDocument(verbs: readonly VerbFacts[], version: string): JsonObject {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const verb of verbs) {
    const path = verb.path.replace(/:([A-Za-z]+)/g, "{$1}");
    paths[path] = { ...paths[path], [verb.method.toLowerCase()]: operationOf(verb) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Tautline central",
      version,
      description: "The operator's API of a central, on its console port.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    security: [{ operatorToken: [] }],
    paths,
    components: {
      schemas: { Problem: jsonSchemaOf(problem, "output") },
      securitySchemes: {
        operatorToken: {
          type: "http",
          scheme: "bearer",
          description: "A token that 'tautline operators create' made.",
        },
      },
    },
  };
}

const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe("See docs/reference/errors.md."),
    remedy: z.string().describe("What to do about it."),
  })
  .describe("A refusal (RFC 9457).");

function operationOf(verb: VerbFacts): JsonObject {
  const { summary, role, reach, body } = verb;
  const parameters = [...parametersOf(verb.params, "path"), ...parametersOf(verb.query, "query")];
  return {
    operationId: operationId(verb),
    summary: `${summary}.`,
    description: `Needs the role ${role}${REACHES[reach]}.${upgradeText(verb)}`,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: jsonContent(jsonSchemaOf(body, "input")) } }),
    responses: {
      [String(verb.status)]: {
        description: doneText(verb),
        ...(verb.answer && {
          content: { [verb.media ?? JSON_MEDIA]: { schema: jsonSchemaOf(verb.answer, "output") } },
        }),
      },
      default: {
        description: "Refused.",
        content: {
          "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
        },
      },
    },
  };
}

const REACHES: Readonly<Record<VerbFacts["reach"], string>> = {
  nothing: "",
  central: " for every namespace",
  object: " in its namespace; what belongs to another one is answered as missing",
  place: " in the namespace it names",
  list: "; shows the operator's own namespace, or all",
};

function upgradeText({ upgrade }: VerbFacts): string {
  return upgrade === undefined ? "" : ` Ask with 'Connection: Upgrade' and 'Upgrade: ${upgrade}'.`;
}

function doneText({ upgrade, answer }: VerbFacts): string {
  if (upgrade !== undefined) return `The connection goes over to the protocol ${upgrade}.`;
  return answer === undefined ? "Done." : "Done, with this answer.";
}

/** `GET /api/v1/agents/:id` is `get-agents-id`. */
function operationId({ method, path }: VerbFacts): string {
  const words = path.replace("/api/v1/", "").split(/[^A-Za-z]+/);
  return [method.toLowerCase(), ...words].filter((word) => word !== "").join("-");
}

function parametersOf(schema: z.ZodObject | undefined, place: "path" | "query"): JsonObject[] {
  return Object.entries(schema?.shape ?? {}).map(([name, field]) => ({
    name,
    in: place,
    required: place === "path" || !z.safeParse(field as z.ZodType, undefined).success,
    schema: jsonSchemaOf(field as z.ZodType, "input"),
  }));
}

function jsonContent(schema: JsonObject): JsonObject {
  return { [JSON_MEDIA]: { schema } };
}

function jsonSchemaOf(schema: z.ZodType, io: "input" | "output"): JsonObject {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
