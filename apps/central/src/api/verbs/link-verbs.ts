import { z } from "zod";
import { withSaid } from "../../control/offers.ts";
import type { ApiDeps } from "../api-deps.ts";
import { idParams, levelField, saidOfferFields, timeField } from "../fields.ts";
import { defineList, defineVerb, notFound, type Verb } from "../verb.ts";

const filter = z.strictObject({
  kind: z.string().max(16).optional(),
  agent: z.string().max(64).optional(),
});

const row = z.strictObject({
  id: z.string(),
  kind: z.string(),
  agent: z.string(),
  namespace: z.string(),
  component: z.string(),
  transport: z.enum(["websocket", "polling"]),
  remoteAddress: z.string(),
  level: levelField,
  protocol: z.string().nullable(),
  cipher: z.string().nullable(),
  group: z.string().nullable().describe("As the server proved it; null where it is not known."),
  pq: z.boolean(),
  serverProven: z.boolean(),
  clientProven: z.boolean(),
  forwardSecret: z.boolean(),
  peerId: z.string().nullable(),
  peerSerial: z.string().nullable(),
  keyId: z.string().nullable(),
  since: timeField,
  lastMessageAt: timeField,
  verdict: z.string(),
  ...saidOfferFields,
});

/** The verbs of live links. */
export function linkVerbs({ links, offers }: ApiDeps): readonly Verb[] {
  return [
    defineList({
      path: "/api/v1/links",
      summary: "List the live links and what each one negotiated",
      role: "viewer",
      query: filter,
      row,
      rows: async ({ kind, agent }) => {
        const listed = await links.list({
          ...(kind === undefined ? {} : { kind }),
          ...(agent === undefined ? {} : { agent }),
        });
        const saidOf = offers.ofLinks();
        return listed.map((link) => withSaid(link, saidOf(link.id)));
      },
      namespaceOf: ({ namespace }) => namespace,
    }),
    defineVerb({
      method: "GET",
      path: "/api/v1/links/:id",
      summary: "Show a live link",
      role: "viewer",
      params: idParams,
      answer: row,
      reach: "object",
      namespaceOf: async ({ params: { id } }) => (await links.get(id)).namespace,
      missing: ({ params: { id } }) => notFound("link", id),
      run: async ({ params: { id } }) => ({
        ...(await links.get(id)),
        ...offers.ofLinks()(id),
      }),
    }),
  ];
}
