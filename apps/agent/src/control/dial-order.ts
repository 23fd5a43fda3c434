import type { CandidateState, CommittedState } from "../settings/agent-state.ts";

/**
 * Where central is dialled: first where it answered at the level that was climbed to, then where the settings file says, else where
 * central has said. Addresses that are not proven yet come last: those in use have been.
 *
 * @param configured `central.addresses` of the settings file
 * @param state of an agent with an identity
 * @returns "host:port" each, in the order to try, none twice
 */
export function dialOrder(
  configured: readonly string[],
  state: CandidateState | CommittedState,
): readonly string[] {
  const committed = state.state === "committed" ? state : undefined;
  const told = [...state.identity.addresses, ...(committed?.move?.addresses ?? [])];
  const known = configured.length > 0 ? configured : told;
  return [...new Set([...(committed?.climbed?.addresses ?? []), ...known])];
}
