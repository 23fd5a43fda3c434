import { LIMITS, TautlineError } from "@tautline/protocol";
import { z } from "zod";
import { actorOf } from "../../operators/principal.ts";
import type { Allowance } from "../../receiver/claims/claim.ts";
import type { ApiDeps } from "../api-deps.ts";
import { namespaceField, ofNamespace, timeField } from "../fields.ts";
import { defineList, defineVerb, requireCall, type Verb } from "../verb.ts";
import { namesField } from "./claim-verbs.ts";

const nameField = z.string().max(128);
const DAY_MS = 86_400_000;
const SHORTEST_MS = 1_000;
const life = z
  .int()
  .min(SHORTEST_MS)
  .max(LIMITS.durationMs.value)
  .default(90 * DAY_MS)
  .describe("How long the token is good, in milliseconds: 90 days unless told.");

const order = z.strictObject({
  name: nameField.describe("A DNS label."),
  namespace: namespaceField.default("default"),
  lifeMs: life,
  services: namesField
    .optional()
    .describe("What its telemetry may claim to be; for admins. Absent: no list of its own."),
  instances: namesField.default([]).describe("None: any."),
});

const made = z.strictObject({
  name: z.string(),
  namespace: z.string(),
  id: z.string(),
  token: z.string().describe("Shown this once; central keeps only a hash."),
  expiresAt: timeField,
});

const row = z.strictObject({
  name: z.string(),
  namespace: z.string(),
  createdAt: timeField,
  createdBy: z.string(),
  tokens: z.array(
    z.strictObject({
      id: z.string(),
      state: z.enum(["good", "expired", "revoked"]),
      createdAt: timeField,
      createdBy: z.string(),
      expiresAt: timeField,
      why: z.string(),
    }),
  ),
});

type Named = { readonly params: { readonly name: string } };

/** The verbs of telemetry clients and their tokens (SWP-3). */
export function clientVerbs({ receiver }: Pick<ApiDeps, "receiver">): readonly Verb[] {
  return [
    defineVerb({
      method: "POST",
      path: "/api/v1/clients",
      summary: "Make a telemetry client and its first token",
      role: "operator",
      body: order,
      answer: made,
      status: 201,
      reach: "place",
      namespaceOf: ({ body }) => body.namespace,
      run: ({ body: { services, instances, ...order } }, who) => {
        const allowance = allowanceIn(services, instances);
        if (allowance !== undefined) requireCall(who, { role: "admin", reach: "place" });
        return receiver.clients.create({ ...order, allowance, actor: actorOf(who) });
      },
    }),
    defineList({
      path: "/api/v1/clients",
      summary: "List the telemetry clients and their tokens, without secrets",
      role: "viewer",
      query: ofNamespace,
      row,
      asked: ({ namespace }) => namespace,
      rows: async ({ namespace }) => {
        const all = await receiver.clients.list();
        return namespace === undefined ? all : all.filter((each) => each.namespace === namespace);
      },
      namespaceOf: ({ namespace }) => namespace,
    }),
    ...tokenVerbs(receiver),
  ];
}

/** Instances without a service are no list; the store says so. */
function allowanceIn(
  services: readonly string[] | undefined,
  instances: readonly string[],
): Allowance | undefined {
  if (services === undefined && instances.length === 0) return undefined;
  return { services: services ?? [], instances };
}

/** What is done to the tokens of a client that there is. */
function tokenVerbs(receiver: ApiDeps["receiver"]): readonly Verb[] {
  const one = {
    params: z.strictObject({ name: nameField }),
    reach: "object",
    role: "operator",
    namespaceOf: async ({ params: { name } }: Named) =>
      (await receiver.clients.get(name)).namespace,
    missing: ({ params: { name: id } }: Named) =>
      new TautlineError("api.not_found", { detail: { thing: "client", id, noun: "clients" } }),
  } as const;
  return [
    defineVerb({
      ...one,
      method: "POST",
      path: "/api/v1/clients/:name/rotate",
      summary: "Make another token for a telemetry client; the one before stays good until its end",
      body: z.strictObject({ lifeMs: life }),
      answer: made,
      status: 201,
      run: ({ params: { name }, body: { lifeMs } }, who) =>
        receiver.clients.rotate({ name, lifeMs, actor: actorOf(who) }),
    }),
    defineVerb({
      ...one,
      method: "DELETE",
      path: "/api/v1/clients/:name",
      summary: "Revoke a telemetry client or one of its tokens; links that use it are ended",
      query: z.strictObject({ token: z.string().max(64).optional() }),
      run: ({ params: { name }, query: { token: id } }, who) =>
        receiver.clients.revoke({ name, id, actor: actorOf(who), why: "revoked by an operator" }),
    }),
  ];
}
