import { REVOCATION_REASONS } from "@tautline/pki";
import { CERTIFICATE_USES } from "@tautline/protocol";
import { z } from "zod";
import type { ApiDeps } from "../api-deps.ts";
import { timeField } from "../fields.ts";
import { defineList, defineVerb, notFound, type Verb } from "../verb.ts";

/** The serial of a certificate in a path. */
export const serialParams = z.strictObject({ serial: z.string().regex(/^[0-9a-f]{1,64}$/) });

/** A certificate as lists show it. */
export const certificateRow = z.strictObject({
  serial: z.string(),
  name: z.string().describe("The SPIFFE ID in it; of a program's all its names."),
  agent: z
    .string()
    .nullable()
    .describe(
      "Null for certificates of central itself, and of programs whose files no agent keeps.",
    ),
  namespace: z.string().describe("Empty for what belongs to none or to every one."),
  program: z.boolean().describe("It is for a program, and no identity of ours."),
  purpose: z.enum(CERTIFICATE_USES),
  notBefore: timeField,
  notAfter: timeField,
  revokedAt: timeField.nullable(),
  revokedReason: z.enum(REVOCATION_REASONS).nullable(),
  renewal: z
    .int()
    .nullable()
    .describe("Which of its agent's identities it belongs to; the join's is 0."),
});

const authority = z.strictObject({
  id: z.string(),
  kind: z.string(),
  namespace: z.string().describe("Empty for authorities that serve every namespace."),
  notAfter: timeField,
  retiredAt: timeField
    .nullable()
    .describe("When the next one took its place; null for those that certify now."),
  crl: z
    .strictObject({
      number: z.int(),
      entries: z.int(),
      bytes: z.int(),
      thisUpdate: timeField,
      nextUpdate: timeField,
    })
    .nullable()
    .describe("Its newest revocation list; null for the moment before the first is made."),
});

/** The verbs of certificates and authorities. */
export function certificateVerbs({ certificates, revocations }: ApiDeps): readonly Verb[] {
  return [
    defineList({
      path: "/api/v1/certificates",
      summary: "List the certificates that central issued",
      role: "viewer",
      row: certificateRow,
      rows: () => certificates.list(),
      namespaceOf: ({ namespace }) => namespace,
    }),
    defineVerb({
      method: "GET",
      path: "/api/v1/certificates/:serial",
      summary: "Show a certificate",
      role: "viewer",
      params: serialParams,
      answer: certificateRow.extend({ pem: z.string() }),
      reach: "object",
      namespaceOf: async ({ params: { serial } }) => (await certificates.get(serial)).namespace,
      missing: ({ params: { serial } }) => notFound("certificate", serial),
      run: ({ params: { serial } }) => certificates.get(serial),
    }),
    defineList({
      path: "/api/v1/authorities",
      summary: "List the authorities",
      role: "viewer",
      row: authority,
      rows: async () => {
        const authorities = await certificates.authorities();
        return authorities.map((each) => Object.assign(each, { crl: crlOf(revocations, each.id) }));
      },
      namespaceOf: ({ namespace }) => namespace,
    }),
  ];
}

function crlOf(revocations: ApiDeps["revocations"], authorityId: string) {
  const list = revocations.published(authorityId);
  if (list === undefined) return null;
  const { number, entries, der, thisUpdate, nextUpdate } = list;
  return {
    number,
    entries,
    bytes: der.length,
    thisUpdate: new Date(thisUpdate).toISOString(),
    nextUpdate: new Date(nextUpdate).toISOString(),
  };
}
