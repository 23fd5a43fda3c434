import { LEVELS } from "@tautline/protocol";
import { z } from "zod";
import { LISTENER_BINDS } from "../../listeners/listener-settings.ts";
import { actorOf } from "../../operators/principal.ts";
import type { ApiDeps } from "../api-deps.ts";
import { levelField } from "../fields.ts";
import { defineVerb, type Verb } from "../verb.ts";

const nameField = z.enum(["agents", "plaintext", "receiver", "receiver-plaintext"]);
const HIGHEST_PORT = 65_535;

const change = z.strictObject({
  port: z.int().min(0).max(HIGHEST_PORT).optional().describe("0 takes any free one, for good."),
  levels: z.array(levelField).max(LEVELS.length).optional(),
  bind: z.enum(LISTENER_BINDS).optional(),
  shared: z.literal(true).optional().describe("Plaintext is spoken on the secure port."),
});

const row = z.strictObject({
  name: nameField,
  bind: z.enum(LISTENER_BINDS),
  addresses: z.array(z.string()).describe("What is really listened on; empty where it is off."),
  levels: z.array(levelField),
  shared: z.boolean(),
  reopened: z
    .boolean()
    .describe("It listens for everybody, beyond its bind, to tell callers where they can join."),
  links: z.int().describe("Live links of its levels."),
});

/** The verbs of central's ports for agents and for telemetry. */
export function listenerVerbs({ listeners }: ApiDeps): readonly Verb[] {
  return [
    defineVerb({
      method: "GET",
      path: "/api/v1/listeners",
      summary: "List the ports for agents and for telemetry, and the levels accepted there",
      role: "viewer",
      answer: z.strictObject({ items: z.array(row) }),
      reach: "central",
      run: () => ({ items: listeners.list() }),
    }),
    defineVerb({
      method: "PUT",
      path: "/api/v1/listeners/:name",
      summary: "Open, move, close a listener or change its levels, while central runs",
      role: "admin",
      params: z.strictObject({ name: nameField }),
      body: change,
      answer: row,
      reach: "central",
      run: ({ params, body }, who) => listeners.set(params.name, body, actorOf(who)),
    }),
  ];
}
