import {
  formatTokenCredential,
  fromBase64Url,
  isTautlineError,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import type { HostFacts } from "../control/agent-report.ts";
import type { JoiningState } from "../settings/agent-state.ts";
import { exchange, type ExchangeOptions } from "./exchange.ts";
import type { GrantParts } from "./grant-check.ts";
import { encodeJoinRequest } from "./join-request.ts";

/** How central is reached for a join. */
export interface AskOptions extends ExchangeOptions {
  readonly host: HostFacts;
}

/**
 * Asks central at one address for an identity, with the token kept in the state; sends exactly one message.
 *
 * @param address "host:port"
 * @param state joining
 * @param options how to reach central
 * @returns what central granted, unchecked
 * @throws link.* codes, agent.token_for_another_central, agent.refused, agent.no_grant, agent.central_silent
 */
export async function askCentral(
  address: string,
  state: JoiningState,
  { host, ...options }: AskOptions,
): Promise<GrantParts> {
  const { agentId } = state;
  const { tokenId, secret } = state.ticket;
  const credential = formatTokenCredential(tokenId, fromBase64Url(secret));
  const headers = { Authorization: `Bearer ${credential}` };
  try {
    const bytes = encodeJoinRequest(state, host);
    return await exchange({ address, agentId, bytes, headers }, options);
  } catch (error) {
    throw explained(error, address, state);
  }
}

/** A pin that does not match means one thing to whoever holds a token: it is another central's. */
function explained(error: unknown, address: string, { ticket }: JoiningState): TautlineError {
  if (isTautlineError(error) && error.code === "link.pin_mismatch") {
    const { trustDomain } = ticket;
    return new TautlineError("agent.token_for_another_central", {
      cause: error,
      detail: { address, trustDomain },
    });
  }
  return toTautlineError(error);
}
