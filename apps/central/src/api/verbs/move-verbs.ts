import { parseAgentId } from "@tautline/protocol";
import { z } from "zod";
import { actorOf } from "../../operators/principal.ts";
import type { ApiDeps } from "../api-deps.ts";
import { idParams, levelField } from "../fields.ts";
import { defineVerb, notFound, type Verb } from "../verb.ts";

const wanted = z.strictObject({
  level: levelField.describe("The level to climb to; nothing lowers one from here."),
});

/** The verb that orders an agent to another level. */
export function moveVerbs({ agents, moves }: ApiDeps): readonly Verb[] {
  type Named = { readonly params: { readonly id: string } };
  const idOf = ({ params }: Named): string => parseAgentId(params.id);
  return [
    defineVerb({
      method: "POST",
      path: "/api/v1/agents/:id/move",
      summary:
        "Order an agent to climb to a level, where it stays once central has answered it there",
      role: "operator",
      params: idParams,
      reach: "object",
      namespaceOf: async (input: Named) => (await agents.page(idOf(input))).namespace,
      missing: (input: Named) => notFound("agent", idOf(input)),
      body: wanted,
      run: (input, who) => moves.orderOne(idOf(input), input.body.level, actorOf(who)),
    }),
  ];
}
