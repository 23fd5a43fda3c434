import { FORWARD_PROTOCOL } from "@tautline/link";
import { parseAgentId, parseForwardName } from "@tautline/protocol";
import { z } from "zod";
import type { ApiDeps } from "../api-deps.ts";
import { idParams } from "../fields.ts";
import { defineUpgrade, notFound, type Verb } from "../verb.ts";

const params = idParams.extend({
  name: z.string().max(128).describe("As it stands under services in the agent's own settings."),
});

interface Named {
  readonly params: z.output<typeof params>;
}

/**
 * The verb of services. It stands below the agent whose service it is: below the allowances it would hide the one that is called as
 * its address ends.
 */
export function serviceVerbs({
  agents,
  services,
}: Pick<ApiDeps, "agents" | "services">): readonly Verb[] {
  const agentOf = async ({ params: { id } }: Named) => {
    const agentId = parseAgentId(id);
    return { id: agentId, namespace: (await agents.page(agentId)).namespace };
  };
  return [
    defineUpgrade({
      path: "/api/v1/agents/:id/services/:name",
      summary: "Open a service of an agent's host; the connection goes over to a forward's frames",
      role: "operator",
      params,
      upgrade: FORWARD_PROTOCOL,
      reach: "object",
      namespaceOf: async (input) => (await agentOf(input)).namespace,
      missing: ({ params: { id } }) => notFound("agent", id),
      run: async (input, who) => {
        const agent = await agentOf(input);
        const service = parseForwardName(input.params.name);
        services.judge({ who, agent, service });
        return ({ from, ...link }) => services.serve({ who, agent, service, from }, link);
      },
    }),
  ];
}
