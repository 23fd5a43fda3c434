import { parseAgentId } from "@tautline/protocol";
import { z } from "zod";
import { actorOf, type Principal } from "../../operators/principal.ts";
import type { ApiDeps } from "../api-deps.ts";
import { idParams } from "../fields.ts";
import { defineVerb, notFound, type Verb } from "../verb.ts";

interface Named {
  readonly params: { readonly id: string };
}

const approval = z.strictObject({
  code: z
    .string()
    .max(64)
    .optional()
    .describe("The code that was compared with the host's; another one approves nothing."),
});

const force = z.strictObject({
  force: z
    .enum(["true", "false"])
    .default("false")
    .describe("Whatever the agent is: revoke and delete it in one."),
});

const replacement = z.strictObject({
  with: z.string().max(128).describe("Id of the agent that takes the place."),
});

/** Verbs that take an agent and nothing else. */
type SimpleVerb = "decline" | "quarantine" | "release" | "promote";

function idOf({ params }: Named): string {
  return parseAgentId(params.id);
}

/** The verbs of an agent's life: each is one transaction, which is audited. */
export function lifeVerbs({ agents, life }: ApiDeps): readonly Verb[] {
  const namespaceOf = async (id: string): Promise<string> => (await agents.page(id)).namespace;
  const one = {
    params: idParams,
    reach: "object",
    role: "operator",
    namespaceOf: (input: Named) => namespaceOf(idOf(input)),
    missing: (input: Named) => notFound("agent", idOf(input)),
  } as const;
  const simple = (name: SimpleVerb, summary: string): Verb =>
    defineVerb({
      ...one,
      method: "POST",
      path: `/api/v1/agents/:id/${name}`,
      summary,
      run: (input: Named, who: Principal) => life[name](idOf(input), actorOf(who)),
    });
  /** The second agent that a request names is hidden from those who may not know of it, as the first is (A18). */
  const requireKnown = async (id: string, who: Principal): Promise<void> => {
    const isHidden = who.namespace !== "" && (await namespaceOf(id)) !== who.namespace;
    if (isHidden) throw notFound("agent", id);
  };
  return [
    defineVerb({
      ...one,
      method: "POST",
      path: "/api/v1/agents/:id/approve",
      summary: "Approve what an agent waits for: its join, or its renewal after a long absence",
      body: approval,
      run: (input, who) => life.approve(idOf(input), actorOf(who), input.body.code),
    }),
    simple("decline", "Decline what an agent waits for"),
    simple("quarantine", "Keep an agent out until it is released, and close its links"),
    simple("promote", "Have an agent without an identity told where it can join"),
    simple("release", "End an agent's quarantine, and the suspicion that it exists twice"),
    defineVerb({
      ...one,
      method: "POST",
      path: "/api/v1/agents/:id/replace",
      summary: "Give an agent's place to another one, and revoke it",
      body: replacement,
      run: async (input, who) => {
        const fresh = parseAgentId(input.body.with);
        await requireKnown(fresh, who);
        await life.replace({ old: idOf(input), fresh, actor: actorOf(who) });
      },
    }),
    defineVerb({
      ...one,
      method: "DELETE",
      path: "/api/v1/agents/:id",
      summary: "Forget an agent; if it had an identity, its id and keys are never taken again",
      query: force,
      run: (input, who) =>
        life.delete({ id: idOf(input), actor: actorOf(who), force: input.query.force === "true" }),
    }),
  ];
}
