import { LEVELS } from "@tautline/protocol";
import { z } from "zod";
import { actorOf } from "../../operators/principal.ts";
import { type Backend, BACKEND_PROTOCOLS, BACKEND_TRUSTS } from "../../receiver/backend.ts";
import { whyOut } from "../../receiver/backend-failure.ts";
import { MOST_TARGETS } from "../../receiver/backend-order.ts";
import { CLAIM_MODES } from "../../receiver/claims/claim.ts";
import { ROUTE_LIMITS } from "../../receiver/route-rule.ts";
import type { ApiDeps } from "../api-deps.ts";
import { levelField, namespaceField, timeField } from "../fields.ts";
import { defineList, defineVerb, type Verb } from "../verb.ts";

const nameField = z.string().max(128);
const MOST_TRUST = 65_536;

const claimsField = z
  .enum(CLAIM_MODES)
  .describe(
    "What is done where a message says it is of a service or an instance that its sender may not claim.",
  );

const order = z.strictObject({
  name: nameField.describe("A DNS label."),
  targets: z
    .array(z.string().max(512))
    .min(1)
    .max(MOST_TARGETS)
    .describe("host:port, in the order to try."),
  protocol: z.enum(BACKEND_PROTOCOLS).default("grpc"),
  routes: z
    .array(z.string().max(ROUTE_LIMITS.characters + 1))
    .max(ROUTE_LIMITS.routes)
    .default([])
    .describe(
      "Paths; with a star at the end all that begin so. None: whatever no other backend takes.",
    ),
  tls: z.enum(BACKEND_TRUSTS).default("off").describe("How central knows the backend."),
  trust: z
    .string()
    .max(MOST_TRUST)
    .default("")
    .describe("PEM of authorities for ca, pins for pin."),
  levels: z
    .array(levelField)
    .min(1)
    .max(LEVELS.length)
    .default(["tls", "mtls"])
    .describe("Levels at which callers are taken."),
  namespace: namespaceField
    .optional()
    .describe("Whose callers it takes; absent: every namespace's."),
  requireToken: z.boolean().default(false).describe("No call without a client's token."),
  anonymous: z
    .boolean()
    .default(false)
    .describe("Callers are taken who show neither certificate nor token."),
  alsoLocal: z
    .boolean()
    .default(false)
    .describe(
      "A name may lead to loopback on central's host; an address may be a port of central.",
    ),
  claims: claimsField.default("off"),
});

const placeRow = z.strictObject({
  target: z.string(),
  state: z.enum(["idle", "connecting", "ready", "out"]),
  calls: z.int().describe("Being carried there now."),
  error: z.string().nullable().describe("Why it is out."),
});

const row = z.strictObject({
  name: z.string(),
  targets: z.array(z.string()),
  protocol: z.enum(BACKEND_PROTOCOLS),
  routes: z.array(z.string()),
  tls: z.enum(BACKEND_TRUSTS),
  levels: z.array(levelField),
  namespace: z.string().nullable(),
  requireToken: z.boolean(),
  anonymous: z.boolean(),
  alsoLocal: z.boolean(),
  claims: claimsField,
  createdAt: timeField,
  createdBy: z.string(),
  places: z.array(placeRow).describe("How each target is, as this process sees it."),
});

/** The verbs of backends: where central may connect to decides what callers reach, so changes are for admins alone. */
export function backendVerbs({ receiver }: Pick<ApiDeps, "receiver">): readonly Verb[] {
  const shown = ({ trust: _secret, ...backend }: Backend) => ({
    ...backend,
    places: receiver.healthOf(backend.name).map(({ target, state, calls, error }) => ({
      target,
      state,
      calls,
      error: error === undefined ? null : whyOut(error),
    })),
  });
  const one = {
    path: "/api/v1/backends/:name",
    params: z.strictObject({ name: nameField }),
    reach: "central",
  } as const;
  return [
    defineVerb({
      method: "POST",
      path: "/api/v1/backends",
      summary: "Add a backend that telemetry is carried to",
      role: "admin",
      body: order,
      answer: row,
      status: 201,
      reach: "central",
      run: async ({ body }, who) =>
        shown(await receiver.backends.add({ ...body, actor: actorOf(who) })),
    }),
    defineList({
      path: "/api/v1/backends",
      summary: "List the backends of telemetry, their routes and how they are",
      role: "viewer",
      row,
      rows: async () => (await receiver.backends.list()).map(shown),
      namespaceOf: ({ namespace }) => namespace ?? "",
    }),
    defineVerb({
      ...one,
      method: "GET",
      summary:
        "Show a backend of telemetry; with check, central connects to it first if nobody has",
      role: "viewer",
      query: z.strictObject({ check: z.literal("true").optional() }),
      answer: row,
      run: async ({ params: { name }, query: { check } }) => {
        const backend = await receiver.backends.get(name);
        if (check === "true") await receiver.check(name);
        return shown(backend);
      },
    }),
    defineVerb({
      ...one,
      method: "DELETE",
      summary: "Remove a backend of telemetry; its calls are ended",
      role: "admin",
      run: ({ params: { name } }, who) => receiver.backends.remove(name, actorOf(who)),
    }),
  ];
}
