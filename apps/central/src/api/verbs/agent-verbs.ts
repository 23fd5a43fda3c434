import { parseAgentId } from "@tautline/protocol";
import { z } from "zod";
import { withSaid } from "../../control/offers.ts";
import { SHOWN_STATES } from "../../fleet/life-rule.ts";
import { actorOf } from "../../operators/principal.ts";
import type { ApiDeps } from "../api-deps.ts";
import { idParams, levelField, ofNamespace, saidOfferFields, timeField } from "../fields.ts";
import { defineList, defineVerb, notFound, type Verb } from "../verb.ts";

const approval = z.strictObject({
  kind: z
    .enum(["join", "renewal"])
    .describe("A renewal's certificate ended longer ago than central renews by itself."),
  decision: z.enum(["approved", "declined"]).nullable(),
  code: z.string().describe("To be compared with the code that the host prints."),
  requestedAt: timeField,
  remoteAddress: z.string(),
  expiredAt: timeField.nullable(),
  clientKey: z.string().describe("SHA-256 of the public key (SPKI), lower-case hex."),
  serverKey: z.string(),
  decidedAt: timeField.nullable(),
  decidedBy: z.string().nullable(),
});

const count = z.int().min(0);

const edge = z.strictObject({
  toldAt: timeField.describe("It says nothing while nothing changes."),
  lostAt: timeField
    .nullable()
    .describe("When its losses were last seen to have grown, by central's clock."),
  listening: z.boolean().describe("Whether programs can call it."),
  calls: count.describe("Calls of programs; counts are of all runs of the edge."),
  failed: count,
  kept: count.describe("Calls that were kept on the agent's disk."),
  delivered: count.describe("Of those, the ones that were taken since."),
  waitingCalls: count.describe("Kept now."),
  waitingBytes: count,
  losses: z.array(z.strictObject({ reason: z.string(), calls: count })),
  places: z
    .array(z.strictObject({ name: z.string(), state: z.string(), code: z.string() }))
    .describe("Where calls go, and why a place is out, as an error code."),
  trouble: z
    .strictObject({ code: z.string(), at: timeField })
    .nullable()
    .describe("What went wrong last, by the agent's clock."),
});

const row = z.strictObject({
  id: z.string(),
  name: z.string().describe("A label for people, never an identity."),
  namespace: z.string(),
  state: z.enum(SHOWN_STATES),
  version: z.string(),
  level: levelField.nullable(),
  group: z.string().nullable(),
  lastSeenAt: timeField.nullable(),
  certificateExpiresAt: timeField.nullable(),
  profile: z.string().nullable(),
  cloneSuspectedAt: timeField
    .nullable()
    .describe("When an older identity of it asked to be renewed, so that it seems to exist twice."),
  approval: approval.nullable().describe("What it asks an operator for, until that is issued."),
  clockOffsetSeconds: z
    .int()
    .nullable()
    .describe("Its clock minus central's, as it said last; null before it did."),
  edge: edge.nullable().describe("What it said of its edge last; null where it has none."),
  ...saidOfferFields,
});

const page = row.extend({
  joinedAt: timeField,
  quarantinedAt: timeField.nullable(),
  replacedBy: z.string().nullable().describe("Id of the agent that took its place."),
  replaces: z.array(z.string()),
  token: z.string().describe("Empty for agents without an identity."),
  attributes: z.record(z.string(), z.string()),
  health: z.record(z.string(), z.unknown()).nullable(),
  renewal: z.strictObject({
    number: z.int(),
    inUse: z.int(),
    lastAt: timeField.nullable(),
  }),
  settings: z.strictObject({
    hash: z.string().nullable(),
    status: z.string(),
    error: z.string(),
  }),
  addresses: z
    .strictObject({
      offered: z.array(z.string()),
      status: z.enum(["unset", "offered", "applied", "failed"]),
      error: z.string(),
      at: timeField.nullable(),
    })
    .describe("Central's addresses as they were offered to it last."),
  move: z
    .strictObject({
      level: levelField.nullable(),
      status: z.enum(["unset", "waiting", "offered", "applied", "failed"]),
      error: z.string(),
      at: timeField.nullable(),
    })
    .describe("The level it was ordered to climb to last."),
  promotion: z
    .strictObject({ at: timeField.nullable(), toldAt: timeField.nullable() })
    .describe("When an operator had it told where it can join, and when it was told last."),
});

/** The verbs of the fleet. */
export function agentVerbs({ agents, namespaces, endAgent, offers }: ApiDeps): readonly Verb[] {
  type Named = { readonly params: { readonly id: string } };
  const idOf = ({ params }: Named): string => parseAgentId(params.id);
  const one = {
    params: idParams,
    reach: "object",
    namespaceOf: async (input: Named) => (await agents.page(idOf(input))).namespace,
    missing: (input: Named) => notFound("agent", idOf(input)),
  } as const;
  return [
    defineList({
      path: "/api/v1/agents",
      summary: "List the agents",
      role: "viewer",
      query: ofNamespace.extend({ state: z.enum(SHOWN_STATES).optional() }),
      row,
      asked: ({ namespace }) => namespace,
      rows: async ({ namespace, state }) => {
        if (namespace !== undefined) await namespaces.get(namespace);
        const all = await agents.list(namespace);
        const shown = state === undefined ? all : all.filter((agent) => agent.state === state);
        const saidOf = offers.ofAgents();
        return shown.map((agent) => withSaid(agent, saidOf(agent.id)));
      },
      namespaceOf: ({ namespace }) => namespace,
    }),
    defineVerb({
      ...one,
      method: "GET",
      path: "/api/v1/agents/:id",
      summary: "Show an agent",
      role: "viewer",
      answer: page,
      run: async (input) => ({
        ...(await agents.page(idOf(input))),
        ...offers.ofAgents()(idOf(input)),
      }),
    }),
    defineVerb({
      ...one,
      method: "POST",
      path: "/api/v1/agents/:id/revoke",
      summary: "End an agent's identity and close its links",
      role: "operator",
      run: async (input, who) => {
        const id = idOf(input);
        await agents.revoke(id, actorOf(who));
        endAgent(id);
      },
    }),
  ];
}
