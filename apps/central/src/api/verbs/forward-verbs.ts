import { LIMITS, OPERATOR_ROLES, parseAgentId, parseForwardName } from "@tautline/protocol";
import { z } from "zod";
import { FORWARD_LIMITS } from "../../forwards/forward-limits.ts";
import type { ForwardPlace } from "../../forwards/forward-rows.ts";
import { actorOf } from "../../operators/principal.ts";
import type { ApiDeps } from "../api-deps.ts";
import { namespaceField, ofNamespace, timeField } from "../fields.ts";
import { defineList, defineVerb, type Verb } from "../verb.ts";

const nameField = z.string().max(128);
const agentField = z
  .string()
  .max(64)
  .optional()
  .describe("Id of the one agent it is for; absent: every agent of the namespace.");
const timeLimit = z.int().min(FORWARD_LIMITS.shortestMs).max(LIMITS.durationMs.value);
const streams = z.int().min(1).max(FORWARD_LIMITS.mostStreams);

const order = z.strictObject({
  name: nameField.describe("What agents ask for: a DNS label."),
  namespace: namespaceField.default("default"),
  agent: agentField,
  direction: z
    .enum(["out", "in"])
    .default("out")
    .describe("out: agents reach a target; in: operators reach a service of the agent's host."),
  target: z
    .string()
    .max(512)
    .optional()
    .describe("host:port that central connects to; for the direction out alone."),
  operatorRole: z
    .enum(["operator", "admin"])
    .optional()
    .describe("The least role that may open a service: operator unless told; for in alone."),
  alsoLocal: z
    .boolean()
    .default(false)
    .describe(
      "A name may lead to loopback on central's host; an address may be link-local, a metadata service or a port of central.",
    ),
  proxyProtocol: z
    .boolean()
    .default(false)
    .describe("Send the target a PROXY protocol header, version 2."),
  idleMs: timeLimit
    .default(FORWARD_LIMITS.idleMs)
    .describe("A stream ends after so long without a byte."),
  totalMs: timeLimit
    .default(FORWARD_LIMITS.totalMs)
    .describe("A stream ends after so long whatever it does."),
  maxStreams: streams
    .default(FORWARD_LIMITS.streams)
    .describe("Streams of one agent through it at once."),
});

/** What belongs to one direction is a mistake with the other: nothing is left out by a slip. */
const wholeOrder = order.superRefine(({ direction, target, ...said }, context) => {
  const refuse = (field: string, message: string): void => {
    context.addIssue({ code: "custom", path: [field], message });
  };
  const isIn = direction === "in";
  if (isIn && target !== undefined) refuse("target", "is said by the agent alone");
  if (!isIn && target === undefined) refuse("target", "is missing");
  if (!isIn && said.operatorRole !== undefined) refuse("operatorRole", "is for the direction in");
  for (const field of ["alsoLocal", "proxyProtocol"] as const) {
    if (isIn && said[field]) refuse(field, "is for the direction out");
  }
});

const row = z.strictObject({
  name: z.string(),
  namespace: z.string(),
  agent: z.string().nullable().describe("The one agent it is for; null: the whole namespace."),
  direction: z.enum(["out", "in"]),
  target: z.string().nullable().describe("Null where an agent's own service is allowed."),
  operatorRole: z
    .enum(OPERATOR_ROLES)
    .nullable()
    .describe("The least role that may open it; null for the direction out."),
  alsoLocal: z.boolean(),
  proxyProtocol: z.boolean(),
  idleMs: z.int(),
  totalMs: z.int(),
  maxStreams: z.int(),
  createdAt: timeField,
  createdBy: z.string(),
});

/** Names are unique in a namespace for all its agents, and for each agent alone. */
const place = z.strictObject({
  namespace: namespaceField.default("default"),
  agent: agentField,
});

interface Placed {
  readonly params: { readonly name: string };
  readonly query: z.output<typeof place>;
}

function placeOf({ params, query: { namespace, agent } }: Placed): ForwardPlace {
  const agentId = agent === undefined ? undefined : parseAgentId(agent);
  return { name: parseForwardName(params.name), namespace, agentId };
}

/** The verbs of forwards: where central may connect to decides what agents reach, so changes are for admins alone. */
export function forwardVerbs({ forwards }: Pick<ApiDeps, "forwards">): readonly Verb[] {
  const one = {
    path: "/api/v1/forwards/:name",
    params: z.strictObject({ name: nameField }),
    query: place,
    reach: "place",
    namespaceOf: ({ query }: Placed) => query.namespace,
  } as const;
  return [
    defineVerb({
      method: "POST",
      path: "/api/v1/forwards",
      summary:
        "Allow a namespace's agents, or one agent, a forward to a target; or operators a service of theirs",
      role: "admin",
      body: wholeOrder,
      answer: row,
      status: 201,
      reach: "place",
      namespaceOf: ({ body }) => body.namespace,
      run: ({ body: { agent, direction: _said, ...said } }, who) =>
        forwards.allow({
          ...said,
          agentId: agent === undefined ? undefined : parseAgentId(agent),
          actor: actorOf(who),
        }),
    }),
    defineList({
      path: "/api/v1/forwards",
      summary: "List the forwards that are allowed",
      role: "viewer",
      query: ofNamespace,
      row,
      asked: ({ namespace }) => namespace,
      rows: async ({ namespace }) => {
        const all = await forwards.list();
        return namespace === undefined ? all : all.filter((each) => each.namespace === namespace);
      },
      namespaceOf: ({ namespace }) => namespace,
    }),
    defineVerb({
      ...one,
      method: "GET",
      summary: "Show a forward that is allowed",
      role: "viewer",
      answer: row,
      run: (input) => forwards.get(placeOf(input)),
    }),
    defineVerb({
      ...one,
      method: "DELETE",
      summary: "Deny a forward that was allowed; its streams are ended",
      role: "admin",
      run: (input, who) => forwards.deny({ ...placeOf(input), actor: actorOf(who) }),
    }),
  ];
}
