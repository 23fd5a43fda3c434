import { TautlineError } from "@tautline/protocol";
import { z } from "zod";
import { actorOf } from "../../operators/principal.ts";
import { REOPENING_LIMITS, type ToldAgent } from "../../reopening/reopening.ts";
import type { CountedReopening } from "../../reopening/reopening-api.ts";
import { parseSourceRange } from "../../sources/source-range.ts";
import type { ApiDeps } from "../api-deps.ts";
import { timeField } from "../fields.ts";
import { defineVerb, type Verb } from "../verb.ts";

const LONGEST_RANGE = 64;
/** As many agents without an identity as one namespace may have. */
const MAX_TOLD = 10_000;

const facts = {
  id: z.int(),
  from: z.array(z.string()).describe("Ranges of source addresses."),
  openedAt: timeField,
  openedBy: z.string(),
  until: timeField,
  endedAt: timeField.nullable().describe("Null while it is open."),
  endedBy: z
    .string()
    .describe("Who has ended it: central at its deadline; empty while it is open."),
  told: z.int().describe("Agents without an identity that were told where they can join."),
};

const row = z.strictObject(facts);
const page = z.strictObject({
  ...facts,
  agents: z
    .array(z.strictObject({ id: z.string(), toldAt: timeField, address: z.string() }))
    .describe("Whom it has told first when and at which address, in the order of ids."),
});

const order = z.strictObject({
  from: z
    .array(z.string().max(LONGEST_RANGE))
    .min(1)
    .max(REOPENING_LIMITS.ranges)
    .describe("Ranges of source addresses, such as 192.0.2.0/24."),
  forMs: z
    .int()
    .min(REOPENING_LIMITS.shortestMs)
    .max(REOPENING_LIMITS.longestMs)
    .describe("It ends by itself after so long."),
});

const params = z.strictObject({ id: z.string().max(16) });
const NUMBER = /^[1-9][0-9]{0,14}$/;

/** The verbs of re-openings of plaintext. They are central's own: whoever speaks plaintext belongs to no namespace yet. */
export function reopeningVerbs({ reopening }: Pick<ApiDeps, "reopening">): readonly Verb[] {
  return [
    defineVerb({
      method: "POST",
      path: "/api/v1/policy/reopenings",
      summary: "Open plaintext to some source addresses for a while, to say where to join",
      role: "admin",
      body: order,
      answer: row,
      status: 201,
      reach: "central",
      run: async ({ body: { from, forMs } }, who) => {
        const ranges = [...new Map(from.map(parseSourceRange).map((each) => [each.text, each]))];
        const asked = { ranges: ranges.map(([, each]) => each), forMs, actor: actorOf(who) };
        return viewOf(await reopening.begin(asked));
      },
    }),
    defineVerb({
      method: "POST",
      path: "/api/v1/policy/reopenings/:id/end",
      summary: "End a re-opening of plaintext before its time",
      role: "admin",
      params,
      answer: row,
      reach: "central",
      run: async (input, who) => viewOf(await reopening.end(numberOf(input), actorOf(who))),
    }),
    defineVerb({
      method: "GET",
      path: "/api/v1/policy/reopenings",
      summary: "List the re-openings of plaintext, the newest first",
      role: "viewer",
      answer: z.strictObject({ items: z.array(row) }),
      reach: "central",
      run: async () => ({ items: (await reopening.list(REOPENING_LIMITS.kept)).map(viewOf) }),
    }),
    defineVerb({
      method: "GET",
      path: "/api/v1/policy/reopenings/:id",
      summary: "Show a re-opening of plaintext, and whom it has told",
      role: "viewer",
      params,
      answer: page,
      reach: "central",
      run: async (input) => {
        const { agents, ...counted } = await reopening.get(numberOf(input), MAX_TOLD);
        return { ...viewOf(counted), agents: agents.map(toldView) };
      },
    }),
  ];
}

function numberOf({ params: { id } }: { readonly params: { readonly id: string } }): number {
  if (NUMBER.test(id)) return Number(id);
  throw new TautlineError("policy.reopening_unknown", { detail: { id } });
}

function viewOf(one: CountedReopening): z.output<typeof row> {
  return {
    id: one.id,
    from: one.ranges.map(({ text }) => text),
    openedAt: time(one.openedMs),
    openedBy: one.openedBy,
    until: time(one.untilMs),
    endedAt: one.endedMs === null ? null : time(one.endedMs),
    endedBy: one.endedBy,
    told: one.told,
  };
}

function toldView({
  agentId,
  toldMs,
  address,
}: ToldAgent): z.output<typeof page>["agents"][number] {
  return { id: agentId, toldAt: time(toldMs), address };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
