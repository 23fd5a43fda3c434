import { TautlineError } from "@tautline/protocol";
import { z } from "zod";
import { actorOf } from "../../operators/principal.ts";
import { wantedPolicy } from "../../policy/wanted-policy.ts";
import type { ApiDeps } from "../api-deps.ts";
import { changeAgentView, changeField, changePageField, changeView } from "../change-fields.ts";
import { namespaceField, timeField } from "../fields.ts";
import { policyOrderFields } from "../policy-fields.ts";
import { defineList, defineVerb, type Verb } from "../verb.ts";

const MAX_ALLOWED = 10_000;
const MAX_LISTED = 1_000;
const SHORTEST_WINDOW_MS = 1_000;
const LONGEST_WINDOW_MS = 7 * 24 * 3_600_000;
const WINDOW_MS = 15 * 60_000;
const UNDO_IF = 5;

const scope = namespaceField
  .optional()
  .describe("Absent: every one there is, for who may see every one.");

const order = z.strictObject({
  ...policyOrderFields,
  namespace: scope,
  since: timeField
    .optional()
    .describe("Links since then count for the plan; absent: of the last 30 days."),
  allowCutOff: z
    .array(z.string().max(64))
    .max(MAX_ALLOWED)
    .default([])
    .describe("Ids of agents that may be cut off."),
  allowUnknown: z
    .boolean()
    .default(false)
    .describe("True: agents that were not seen in the period may be cut off, whoever they are."),
  windowMs: z
    .int()
    .min(SHORTEST_WINDOW_MS)
    .max(LONGEST_WINDOW_MS)
    .default(WINDOW_MS)
    .describe("How long agents are watched after it has closed; half of it they have to move."),
  undoIf: z
    .number()
    .min(0)
    .max(100)
    .default(UNDO_IF)
    .describe("Share of watched agents in percent: where more are lost, all is undone."),
  undo: z
    .boolean()
    .default(true)
    .describe("False: nobody is let back and nothing is undone by itself, for incidents."),
});

const changeParams = z.strictObject({ id: z.string().max(16) });
const NUMBER = /^[1-9][0-9]{0,14}$/;

function numberOf({ params: { id } }: { readonly params: { readonly id: string } }): number {
  if (NUMBER.test(id)) return Number(id);
  throw missingChange(id);
}

function missingChange(id: string): TautlineError {
  const detail = { thing: "change of policy", id, noun: "policy" };
  return new TautlineError("api.not_found", { detail });
}

/** The verbs of changes of policy: begun and taken back by admins alone, seen by whoever may see their namespace. */
export function changeVerbs({ changes }: Pick<ApiDeps, "changes">): readonly Verb[] {
  return [
    listVerb(changes),
    defineVerb({
      method: "POST",
      path: "/api/v1/policy/apply",
      summary: "Begin a change of policy: open, move, close, watch, undo where agents are lost",
      role: "admin",
      body: order,
      answer: changeField,
      status: 201,
      reach: "place",
      namespaceOf: ({ body }) => body.namespace ?? "",
      run: async ({ body }, who) => {
        const { namespace, kinds, since, allowCutOff, allowUnknown, windowMs, undoIf, undo } = body;
        const policy = wantedPolicy(body);
        const sinceMs = since === undefined ? undefined : Date.parse(since);
        const asked = { namespace, kinds, policy, sinceMs, allowCutOff, allowUnknown };
        const watching = { windowMs, undoIf, mayUndo: undo, actor: actorOf(who) };
        return changeView(await changes.apply({ ...asked, ...watching }));
      },
    }),
    defineVerb({
      method: "POST",
      path: "/api/v1/policy/undo",
      summary: "Take back the newest change of policy that was not undone",
      role: "admin",
      body: z.strictObject({ namespace: scope }),
      answer: changeField,
      reach: "place",
      namespaceOf: ({ body }) => body.namespace ?? "",
      run: async ({ body: { namespace } }, who) =>
        changeView(await changes.undo({ namespace, actor: actorOf(who) })),
    }),
    defineVerb({
      method: "GET",
      path: "/api/v1/policy/changes/:id",
      summary: "Show a change of policy, and the agents of whom there is something to tell",
      role: "viewer",
      params: changeParams,
      answer: changePageField,
      reach: "object",
      namespaceOf: async (input) => (await changes.get(numberOf(input))).change.namespace ?? "",
      missing: ({ params: { id } }) => missingChange(id),
      run: async (input) => {
        const { agents, ...counted } = await changes.get(numberOf(input));
        return { ...changeView(counted), agents: agents.map(changeAgentView) };
      },
    }),
  ];
}

function listVerb(changes: ApiDeps["changes"]): Verb {
  return defineList({
    path: "/api/v1/policy/changes",
    summary: "List the changes of policy there were, the newest first",
    role: "viewer",
    query: z.strictObject({ namespace: namespaceField.optional() }),
    row: changeField,
    asked: ({ namespace }) => namespace,
    rows: async ({ namespace }) => {
      const views = (await changes.list(MAX_LISTED)).map(changeView);
      return namespace === undefined
        ? views
        : views.filter((view) => view.namespace === null || view.namespace === namespace);
    },
    namespaceOf: ({ namespace }) => namespace ?? "",
  });
}
