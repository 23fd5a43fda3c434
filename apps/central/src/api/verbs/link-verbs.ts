import { z } from "zod";
import { withSaid } from "../../control/offers.ts";
import { NO_STREAM, viewOfStream } from "../../forwards/stream-view.ts";
import { NO_RECEIVER, viewOfReceiverLink } from "../../receiver/link-view.ts";
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
  transport: z.enum(["websocket", "polling", "forward", "receiver"]),
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
  target: z.string().nullable().describe("Where a stream of a forward leads; null for others."),
  direction: z
    .enum(["out", "in"])
    .nullable()
    .describe("Who opened a stream: its agent (out) or an operator (in); null for other links."),
  operator: z.string().nullable().describe("The operator that opened a stream."),
  up: z.int().nullable().describe("Bytes from the agent so far; null where they are not counted."),
  down: z.int().nullable().describe("Bytes to the agent so far."),
  client: z
    .string()
    .nullable()
    .describe("Who sends telemetry, where that is no agent: by its token, certificate or key."),
  userAgent: z.string().nullable().describe("What a sender of telemetry says it is."),
  senderVersion: z
    .string()
    .nullable()
    .describe("Version of a sender of telemetry, as it or its messages say."),
  claimed: z
    .array(z.string())
    .describe("Services and instances that its messages claim to be of, where a backend asks."),
  certificateExpiresAt: timeField
    .nullable()
    .describe("When the certificate of a sender of telemetry ends."),
  ...saidOfferFields,
});

/** The verbs of live links. */
export function linkVerbs({ links, offers, streams, receiver }: ApiDeps): readonly Verb[] {
  const find = async (id: string) => {
    const stream = streams.all().find((each) => each.id === id);
    if (stream !== undefined) return { ...viewOfStream(stream), ...NO_RECEIVER };
    const telemetry = receiver.links().find((each) => each.id === id);
    if (telemetry !== undefined) return viewOfReceiverLink(telemetry);
    return { ...(await links.get(id)), ...NO_STREAM, ...NO_RECEIVER };
  };
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
        const carried = streams.all().filter(({ agentId }) => (agent ?? agentId) === agentId);
        const telemetry = receiver.links().map(viewOfReceiverLink);
        const isAsked = (one: string): boolean => (kind ?? one) === one;
        return [
          ...listed.map((link) =>
            Object.assign(withSaid(link, saidOf(link.id)), NO_STREAM, NO_RECEIVER),
          ),
          ...(isAsked("forward") ? carried : []).map((each) =>
            Object.assign(withSaid(viewOfStream(each), saidOf(each.id)), NO_RECEIVER),
          ),
          ...(isAsked("receiver") ? telemetry : [])
            .filter((each) => (agent ?? each.agent) === each.agent)
            .map((each) => withSaid(each, saidOf(each.id))),
        ];
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
      namespaceOf: async ({ params: { id } }) => (await find(id)).namespace,
      missing: ({ params: { id } }) => notFound("link", id),
      run: async ({ params: { id } }) => ({
        ...(await find(id)),
        ...offers.ofLinks()(id),
      }),
    }),
  ];
}
