import {
  CAPABILITY_ENROLMENT,
  decodeServerToAgent,
  formatTokenCredential,
  fromBase64Url,
  isTautlineError,
  LIMITS,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import type { Clock } from "../clock.ts";
import type { HostFacts } from "../control/agent-report.ts";
import { readServerMessage } from "../control/server-message.ts";
import type { ControlTransport, Dial, OpenTransport } from "../control/transport.ts";
import type { JoiningState } from "../settings/agent-state.ts";
import type { GrantParts } from "./grant-check.ts";
import { encodeJoinRequest } from "./join-request.ts";

/** How central is reached for a join. */
export interface AskOptions {
  readonly openTransport: OpenTransport;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly answerTimeoutMs: number;
  readonly host: HostFacts;
  readonly signal: AbortSignal;
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
  options: AskOptions,
): Promise<GrantParts> {
  const { openTransport, dial, clock, answerTimeoutMs, host, signal } = options;
  const { tokenId, secret } = state.ticket;
  const credential = formatTokenCredential(tokenId, fromBase64Url(secret));
  const answer = Promise.withResolvers<GrantParts>();
  // Rejected while the transport still opens, nobody is listening yet.
  answer.promise.catch(() => {});
  const events = {
    onMessage: (bytes: Uint8Array): void => {
      try {
        answer.resolve(readGrant(bytes, state.agentId, address));
      } catch (error) {
        answer.reject(error);
      }
    },
    onClosed: (error: TautlineError | undefined): void =>
      answer.reject(error ?? new TautlineError("agent.no_grant", { detail: { address } })),
  };
  const callOff = clock.after(answerTimeoutMs, () => {
    const detail = { address, seconds: Math.round(answerTimeoutMs / 1000) };
    answer.reject(new TautlineError("agent.central_silent", { detail }));
  });
  let transport: ControlTransport | undefined;
  const stop = (): void =>
    answer.reject(new TautlineError("link.cancelled", { detail: { address } }));
  signal.addEventListener("abort", stop, { once: true });
  try {
    const headers = {
      Authorization: `Bearer ${credential}`,
      "OpAMP-Instance-UID": state.agentId,
    };
    transport = await openTransport({ address, dial, events, signal, headers });
    transport.send(encodeJoinRequest(state, host));
    return await answer.promise;
  } catch (error) {
    throw explained(error, address, state);
  } finally {
    callOff();
    signal.removeEventListener("abort", stop);
    await transport?.close();
  }
}

function readGrant(bytes: Uint8Array, agentId: string, address: string): GrantParts {
  const message = decodeServerToAgent(bytes, LIMITS.opampMessageBytes.value);
  const refusal = readServerMessage(message, agentId).find((word) => word.kind === "error");
  if (refusal !== undefined) throw refusal.error;
  const { customMessage, connectionSettings } = message;
  if (customMessage?.capability !== CAPABILITY_ENROLMENT || customMessage.type !== "grant") {
    throw new TautlineError("agent.no_grant", { detail: { address } });
  }
  return { offer: connectionSettings, grant: customMessage.data };
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
