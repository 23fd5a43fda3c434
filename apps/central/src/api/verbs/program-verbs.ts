import { CERTIFICATE_USES, LIMITS, parseAgentId } from "@tautline/protocol";
import { z } from "zod";
import { actorOf } from "../../operators/principal.ts";
import type { ApiDeps } from "../api-deps.ts";
import { namespaceField, ofNamespace, timeField } from "../fields.ts";
import { defineList, defineVerb, requireCall, type Verb } from "../verb.ts";
import { certificateRow } from "./certificate-verbs.ts";

const DAY_MS = 86_400_000;
/** Longer ones are refused by browsers (CA/Browser Forum, Baseline Requirements 6.3.2), and revoked ones have to be listed as long. */
const LONGEST_MS = 397 * DAY_MS;
const DEFAULT_MS = 90 * DAY_MS;

const nameField = z.string().max(253);
const namesField = z.array(nameField).min(1).max(LIMITS.certifiedNames.value);
const useField = z.enum(CERTIFICATE_USES);

const order = z.strictObject({
  csr: z
    .string()
    .max(LIMITS.csrBytes.value)
    .describe("PKCS#10 in PEM: the key alone, which stays where it was made."),
  names: namesField.describe("DNS names in lower case and IP addresses; the first is the subject."),
  use: useField.default("server"),
  namespace: namespaceField
    .or(z.literal(""))
    .default("")
    .describe("Where it belongs: its names must be allowed there. Empty: to none, for admins."),
  lifetimeMs: z.int().min(1_000).max(LONGEST_MS).default(DEFAULT_MS),
  wildcard: z.boolean().default(false).describe("A name that begins with *. is meant."),
});

const issued = certificateRow.extend({
  chainPem: z.string().describe("The certificate, then the intermediate."),
  rootsPem: z.string(),
});

const agentField = z
  .string()
  .max(64)
  .optional()
  .describe("Id of the one agent it is for; absent: every agent of the namespace.");

const place = { namespace: namespaceField.default("default"), agent: agentField };

const allowed = z.strictObject({
  name: z.string(),
  namespace: z.string(),
  agent: z.string().nullable().describe("The one agent it is for; null: the whole namespace."),
  use: useField,
  createdAt: timeField,
  createdBy: z.string(),
});

const root = z.strictObject({
  pem: z.string(),
  pin: z.string().describe("SHA-256 of its key, lower-case hex."),
  notAfter: timeField,
});

function placeOf({ namespace, agent }: { namespace: string; agent?: string | undefined }) {
  return { namespace, agentId: agent === undefined ? undefined : parseAgentId(agent) };
}

/** The verbs of certificates for programs: who may be called what is for admins to say. */
export function programVerbs(deps: ApiDeps): readonly Verb[] {
  const { programs, certificates } = deps;
  return [
    defineVerb({
      method: "POST",
      path: "/api/v1/certificates",
      summary: "Certify a program's key for names on the network",
      role: "operator",
      body: order,
      answer: issued,
      status: 201,
      reach: "place",
      namespaceOf: ({ body }) => body.namespace,
      run: ({ body: { csr: csrPem, ...said } }, who) => {
        // Without a namespace nobody has said before which names may be had.
        if (said.namespace === "") requireCall(who, { role: "admin", reach: "place" });
        return programs.issuer.issueForOperator({ ...said, csrPem, actor: actorOf(who) });
      },
    }),
    ...nameVerbs(deps),
    defineVerb({
      method: "GET",
      path: "/api/v1/trust",
      summary: "Show the roots by which other programs know what central certifies",
      role: "viewer",
      answer: z.strictObject({ roots: z.array(root) }),
      reach: "nothing",
      run: async () => ({ roots: await certificates.roots() }),
    }),
  ];
}

/** The verbs of the names that agents may have. */
function nameVerbs({ programs }: ApiDeps): readonly Verb[] {
  return [
    defineVerb({
      method: "POST",
      path: "/api/v1/certificate-names",
      summary: "Allow a namespace's agents, or one agent, names in certificates of their programs",
      role: "admin",
      body: z.strictObject({ ...place, names: namesField, use: useField.default("server") }),
      answer: z.strictObject({ items: z.array(allowed) }),
      status: 201,
      reach: "place",
      namespaceOf: ({ body }) => body.namespace,
      run: async ({ body: { names, use, ...where } }, who) => ({
        items: await programs.names.allow({ ...placeOf(where), names, use, actor: actorOf(who) }),
      }),
    }),
    defineList({
      path: "/api/v1/certificate-names",
      summary: "List the names that agents may have in certificates of their programs",
      role: "viewer",
      query: ofNamespace,
      row: allowed,
      asked: ({ namespace }) => namespace,
      rows: async ({ namespace }) => {
        const all = await programs.names.list();
        return namespace === undefined ? all : all.filter((each) => each.namespace === namespace);
      },
      namespaceOf: ({ namespace }) => namespace,
    }),
    defineVerb({
      method: "DELETE",
      path: "/api/v1/certificate-names",
      summary: "Take back a name; certificates that have it stay until their end",
      role: "admin",
      query: z.strictObject({ ...place, name: nameField }),
      reach: "place",
      namespaceOf: ({ query }) => query.namespace,
      run: ({ query: { name, ...where } }, who) =>
        programs.names.deny({ ...placeOf(where), name, actor: actorOf(who) }),
    }),
  ];
}
