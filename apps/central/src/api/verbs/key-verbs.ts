import { LIMITS, parseAgentId, parseKeyName } from "@tautline/protocol";
import { z } from "zod";
import { actorOf, type Principal } from "../../operators/principal.ts";
import type { ApiDeps } from "../api-deps.ts";
import { namespaceField, ofNamespace, timeField } from "../fields.ts";
import { defineList, defineVerb, notFound, type Verb } from "../verb.ts";

const nameParams = z.strictObject({ name: z.string().max(128) });
const valueField = z
  .string()
  .max(LIMITS.keyTextBytes.value)
  .optional()
  .describe("Its text; absent: central makes a strong one and answers with it.");

const order = z.strictObject({
  name: z.string().max(128),
  namespace: namespaceField.default("default"),
  agent: z
    .string()
    .max(64)
    .optional()
    .describe("Id of the one agent it is for; absent: the whole namespace."),
  value: valueField,
});

const next = z.strictObject({ value: valueField });

const cutOff = z.strictObject({
  allowCutOff: z
    .union([z.literal("all"), z.array(z.string().max(64)).max(10_000)])
    .default([])
    .describe("Ids of agents that may be cut off by it; `all` for a key that leaked."),
});

const force = z.strictObject({
  force: z
    .enum(["true", "false"])
    .default("false")
    .describe("Also where agents used it last, which are cut off."),
});

const version = z.strictObject({
  version: z.int(),
  state: z.enum(["current", "next", "previous"]),
  weakness: z.string().nullable().describe("Why its text is weak, if it is."),
  createdAt: timeField,
  createdBy: z.string(),
  agents: z.int().describe("Agents that used it last and would be cut off with it."),
});

const row = z.strictObject({
  name: z.string(),
  id: z.string(),
  namespace: z.string(),
  agent: z.string().nullable().describe("The one agent it is for; null: the whole namespace."),
  weak: z.boolean(),
  versions: z.array(version),
  createdAt: timeField,
  createdBy: z.string(),
  lastUsedAt: timeField.nullable(),
});

const page = row.extend({
  uses: z
    .array(
      z.strictObject({
        agent: z.string().describe("As it called itself: without a certificate an id is a claim."),
        version: z.int(),
        level: z.enum(["basic", "advanced"]),
        remoteAddress: z.string(),
        at: timeField,
        depends: z.boolean().describe("It would be cut off with that version."),
      }),
    )
    .describe("The last use by each agent, the latest first, at most 1,000."),
});

const made = z.strictObject({
  name: z.string(),
  id: z.string(),
  version: z.int(),
  value: z
    .string()
    .nullable()
    .describe("Shown this once and kept nowhere; null for a text that was given."),
  weakness: z.string().nullable(),
});

const exported = z.strictObject({
  name: z.string(),
  version: z.int(),
  pskHex: z.string().describe("The 32 derived bytes, for a program that speaks TLS-PSK."),
});

interface Named {
  readonly params: { readonly name: string };
}

function nameOf({ params }: Named): string {
  return parseKeyName(params.name);
}

function cutOffOf(allowed: "all" | readonly string[]): "all" | readonly string[] {
  return allowed === "all" ? allowed : allowed.map(parseAgentId);
}

type KeyDeps = Pick<ApiDeps, "keys">;

/** What the verbs about one key have alike. */
function aboutOne({ keys }: KeyDeps) {
  return {
    params: nameParams,
    reach: "object",
    namespaceOf: (input: Named) => keys.namespaceOf(nameOf(input)),
    missing: (input: Named) => notFound("key", nameOf(input)),
  } as const;
}

/** The verbs of shared keys: texts and derived bytes are for admins alone. */
export function keyVerbs({ keys }: KeyDeps): readonly Verb[] {
  const one = aboutOne({ keys });
  return [
    ...wholeKeyVerbs({ keys }),
    defineVerb({
      ...one,
      method: "GET",
      path: "/api/v1/keys/:name",
      summary: "Show a shared key and which agent used which version last",
      role: "viewer",
      answer: page,
      run: (input) => keys.page(nameOf(input)),
    }),
    defineVerb({
      ...one,
      method: "POST",
      path: "/api/v1/keys/:name/export",
      summary: "Give away the derived bytes of the version in use, for a foreign TLS-PSK program",
      role: "admin",
      answer: exported,
      run: (input, who) => keys.export(nameOf(input), actorOf(who)),
    }),
    ...rotationVerbs({ keys }),
    defineVerb({
      ...one,
      method: "DELETE",
      path: "/api/v1/keys/:name",
      summary: "End a shared key with all its versions, and close their links",
      role: "admin",
      query: force,
      run: (input, who) =>
        keys.delete({
          name: nameOf(input),
          force: input.query.force === "true",
          actor: actorOf(who),
        }),
    }),
  ];
}

function rotationVerbs({ keys }: KeyDeps): readonly Verb[] {
  const one = aboutOne({ keys });
  const step = (name: "use" | "remove" | "undo", summary: string): Verb =>
    defineVerb({
      ...one,
      method: "POST",
      path: `/api/v1/keys/:name/${name}`,
      summary,
      role: "operator",
      body: cutOff,
      answer: page,
      run: (input, who: Principal) =>
        keys.step({
          name: nameOf(input),
          step: name,
          allowCutOff: cutOffOf(input.body.allowCutOff),
          actor: actorOf(who),
        }),
    });
  return [
    defineVerb({
      ...one,
      method: "POST",
      path: "/api/v1/keys/:name/install",
      summary: "Install the next version of a shared key beside the one in use",
      role: "admin",
      body: next,
      answer: made,
      status: 201,
      run: (input, who) =>
        keys.install({ name: nameOf(input), value: input.body.value, actor: actorOf(who) }),
    }),
    step("use", "Take the installed version into use; the one before still opens links"),
    step("remove", "Remove the version that was in use before, and close its links"),
    step("undo", "Take an installed version back, and close its links"),
  ];
}

function wholeKeyVerbs({ keys }: KeyDeps): readonly Verb[] {
  return [
    defineVerb({
      method: "POST",
      path: "/api/v1/keys",
      summary: "Make a shared key",
      role: "admin",
      body: order,
      answer: made,
      status: 201,
      reach: "place",
      namespaceOf: ({ body }) => body.namespace,
      run: ({ body: { name, namespace, agent, value } }, who) =>
        keys.create({
          name: parseKeyName(name),
          namespace,
          agentId: agent === undefined ? undefined : parseAgentId(agent),
          value,
          actor: actorOf(who),
        }),
    }),
    defineList({
      path: "/api/v1/keys",
      summary: "List the shared keys, without their texts",
      role: "viewer",
      query: ofNamespace,
      row,
      asked: ({ namespace }) => namespace,
      rows: async ({ namespace }) => {
        const all = await keys.list();
        return namespace === undefined ? all : all.filter((each) => each.namespace === namespace);
      },
      namespaceOf: ({ namespace }) => namespace,
    }),
  ];
}
