import { encodePemBlock, REVOCATION_REASONS } from "@tautline/pki";
import { z } from "zod";
import { actorOf } from "../../operators/principal.ts";
import type { ApiDeps } from "../api-deps.ts";
import { timeField } from "../fields.ts";
import { defineVerb, notFound, type Verb } from "../verb.ts";
import { certificateRow, serialParams } from "./certificate-verbs.ts";

const authorityParams = z.strictObject({ id: z.string().regex(/^[0-9a-f]{1,64}$/) });

const crl = z.strictObject({
  id: z.string().describe("Of the authority."),
  kind: z.string(),
  namespace: z.string(),
  number: z.int().describe("Rises with every list."),
  entries: z.int(),
  thisUpdate: timeField,
  nextUpdate: timeField,
  pem: z.string(),
});

/** The verbs of revocation. */
export function revocationVerbs({ certificates, revocations }: ApiDeps): readonly Verb[] {
  type Named = { readonly params: { readonly id: string } };
  const issuerOf = ({ params: { id } }: Named) => {
    const issuer = revocations.issuers().find((each) => each.id === id);
    if (issuer === undefined) throw notFound("authority", id);
    return issuer;
  };
  return [
    defineVerb({
      method: "POST",
      path: "/api/v1/certificates/:serial/revoke",
      summary: "Revoke a certificate and its key, and close the links it carries",
      role: "operator",
      params: serialParams,
      body: z.strictObject({ reason: z.enum(REVOCATION_REASONS).default("unspecified") }),
      answer: certificateRow,
      reach: "object",
      namespaceOf: async ({ params: { serial } }) => (await certificates.get(serial)).namespace,
      missing: ({ params: { serial } }) => notFound("certificate", serial),
      run: ({ params: { serial }, body: { reason } }, who) =>
        revocations.revoke({ serial, reason, actor: actorOf(who) }),
    }),
    defineVerb({
      method: "GET",
      path: "/api/v1/authorities/:id/crl",
      summary: "Show the revocation list of an authority",
      role: "viewer",
      params: authorityParams,
      answer: crl,
      reach: "object",
      namespaceOf: (input: Named) => issuerOf(input).namespace,
      missing: ({ params: { id } }: Named) => notFound("authority", id),
      run: async (input: Named) => {
        const { id, kind, namespace } = issuerOf(input);
        const list = await revocations.crl(id);
        if (list === undefined) throw notFound("authority", id);
        const { number, entries, thisUpdate, nextUpdate, der } = list;
        return {
          id,
          kind,
          namespace,
          number,
          entries,
          thisUpdate: new Date(thisUpdate).toISOString(),
          nextUpdate: new Date(nextUpdate).toISOString(),
          pem: encodePemBlock("X509 CRL", der),
        };
      },
    }),
  ];
}
