import { type AgentSessionDeps, createAgentSession } from "./agent-session.ts";
import type { Caller } from "./caller.ts";
import { type ClaimSessionDeps, createClaimSession } from "./claim-session.ts";
import { createJoinSession, type JoinSessionDeps } from "./join-session.ts";
import { createRenewalSession } from "./renewal-session.ts";
import type { Session } from "./session.ts";

/** What sessions need, by who holds them. */
export interface SessionDeps {
  readonly agents: AgentSessionDeps;
  readonly joining: JoinSessionDeps;
  readonly claiming: ClaimSessionDeps;
}

/**
 * Gives each caller the session of what it is: what a kind of caller may not do, its session cannot do.
 *
 * @param deps central's parts
 */
export function createSessions(deps: SessionDeps): (caller: Caller) => Session {
  return (caller) => {
    if (caller.kind === "agent") return createAgentSession(deps.agents, caller);
    if (caller.kind === "lapsed") return createRenewalSession(deps.agents.renewing, caller);
    if (caller.kind === "token") return createJoinSession(deps.joining, caller);
    return createClaimSession(deps.claiming, caller);
  };
}
