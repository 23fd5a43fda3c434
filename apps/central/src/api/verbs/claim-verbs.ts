import { z } from "zod";
import { actorOf } from "../../operators/principal.ts";
import { CLAIM_LIMITS } from "../../receiver/claims/claim.ts";
import type { ApiDeps } from "../api-deps.ts";
import { timeField } from "../fields.ts";
import { defineList, defineVerb, type Verb } from "../verb.ts";

/** Names of services or of instances, exact or with a star at the end. */
export const namesField = z
  .array(z.string().max(CLAIM_LIMITS.listedCharacters + 1))
  .max(CLAIM_LIMITS.listed);

const claimantField = z
  .string()
  .max(128)
  .describe("client:NAME, agent:ID, key:NAME, certificate:PIN, namespace:NAME or nobody.");

const row = z.strictObject({
  claimant: claimantField,
  namespace: z.string(),
  services: namesField,
  instances: namesField.describe("None: any."),
  createdAt: timeField,
  createdBy: z.string(),
});

/** The verbs of what telemetry may claim to be: who may be called what is for admins to say. */
export function claimVerbs({ receiver }: Pick<ApiDeps, "receiver">): readonly Verb[] {
  return [
    defineVerb({
      method: "POST",
      path: "/api/v1/claimants",
      summary: "Say what somebody's telemetry may claim to be, in place of what was said before",
      role: "admin",
      body: z.strictObject({
        claimant: claimantField,
        services: namesField,
        instances: namesField.default([]),
      }),
      answer: row,
      status: 201,
      reach: "central",
      run: ({ body }, who) => receiver.claimants.allow({ ...body, actor: actorOf(who) }),
    }),
    defineList({
      path: "/api/v1/claimants",
      summary: "List what senders of telemetry may claim to be",
      role: "viewer",
      row,
      rows: () => receiver.claimants.list(),
      namespaceOf: ({ namespace }) => namespace,
    }),
    defineVerb({
      method: "DELETE",
      path: "/api/v1/claimants",
      summary: "Take back what somebody's telemetry may claim to be",
      role: "admin",
      query: z.strictObject({ claimant: claimantField }),
      reach: "central",
      run: ({ query: { claimant } }, who) => receiver.claimants.deny(claimant, actorOf(who)),
    }),
  ];
}
