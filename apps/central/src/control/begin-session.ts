import type { KeyRing } from "../keys/key-ring.ts";
import { type AgentSessionDeps, createAgentSession } from "./agent-session.ts";
import type { Caller } from "./caller.ts";
import { type ClaimSessionDeps, createClaimSession } from "./claim-session.ts";
import { createJoinSession, type JoinSessionDeps } from "./join-session.ts";
import { notingKeyUse } from "./key-use.ts";
import { createRenewalSession } from "./renewal-session.ts";
import type { Session } from "./session.ts";

/** What sessions need, by who holds them. */
export interface SessionDeps {
  readonly agents: AgentSessionDeps;
  readonly joining: JoinSessionDeps;
  readonly claiming: ClaimSessionDeps;
  /** Told by which version of a shared key each answered message came; left out where there are no keys. */
  readonly keys?: Pick<KeyRing, "noteUse">;
}

/**
 * Gives each caller the session of what it is: what a kind of caller may not do, its session cannot do.
 *
 * @param deps central's parts
 */
export function createSessions(deps: SessionDeps): (caller: Caller) => Session {
  const { keys } = deps;
  return (caller) => {
    const session = sessionOf(deps, caller);
    return keys === undefined ? session : notingKeyUse(keys, caller, session);
  };
}

function sessionOf(deps: SessionDeps, caller: Caller): Session {
  if (caller.kind === "agent") return createAgentSession(deps.agents, caller);
  if (caller.kind === "lapsed") return createRenewalSession(deps.agents.renewing, caller);
  if (caller.kind === "token") return createJoinSession(deps.joining, caller);
  return createClaimSession(deps.claiming, caller);
}
