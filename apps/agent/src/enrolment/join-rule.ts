import { TautlineError } from "@tautline/protocol";
import type { AgentState, JoinTicket } from "../settings/agent-state.ts";

/** What a join has to do next. */
export type JoinStep =
  /** Make id and keys, keep the token. */
  | "begin"
  /** Keep id and keys, take the new token. */
  | "take_token"
  /** Ask central for an identity with the token kept. */
  | "ask"
  /** The candidate's certificate ran out: ask for another. */
  | "lapse"
  /** Prove the identity granted. */
  | "prove"
  /** Nothing is left to do. */
  | "done";

/** What the decision hangs on. */
export interface JoinFacts {
  readonly state: AgentState | undefined;
  /** The token given now, if one was. */
  readonly ticket: JoinTicket | undefined;
  /** Whether `ticket` is for the central of the identity held; only asked where both exist. */
  readonly isSameCentral: boolean;
  /** Whether the candidate's certificate is past its end; only asked of a candidate. */
  readonly isLapsed: boolean;
}

/**
 * Decides how a join goes on from whatever state a crash, a refusal or an earlier join left (F3).
 *
 * A candidate is proven before its token is asked again; a committed agent uses no token at all.
 *
 * @throws agent.token_missing, agent.already_joined (to another central)
 */
export function nextJoinStep({ state, ticket, isSameCentral, isLapsed }: JoinFacts): JoinStep {
  if (state === undefined) {
    if (ticket === undefined) throw new TautlineError("agent.token_missing");
    return "begin";
  }
  if (state.state === "committed") {
    if (ticket === undefined || isSameCentral) return "done";
    const { identity, agentId } = state;
    throw new TautlineError("agent.already_joined", {
      detail: { trustDomain: identity.trustDomain, id: agentId },
    });
  }
  if (ticket !== undefined && !isSameToken(state.ticket, ticket)) return "take_token";
  if (state.state === "joining") return "ask";
  return isLapsed ? "lapse" : "prove";
}

/** Both are this host's own; there is nobody to learn anything from the time this takes. */
function isSameToken(a: JoinTicket, b: JoinTicket): boolean {
  return partsOf(a) === partsOf(b);
}

/** Addresses count too: a token printed anew for a central that has moved must replace the one kept. */
function partsOf({ tokenId, secret, addresses, pins }: JoinTicket): string {
  return JSON.stringify([tokenId, secret, addresses, pins]);
}
