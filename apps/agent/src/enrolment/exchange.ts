import {
  CAPABILITY_ENROLMENT,
  decodeServerToAgent,
  LIMITS,
  TautlineError,
} from "@tautline/protocol";
import type { Clock } from "../clock.ts";
import type { TimeQuestion } from "../control/central-clock.ts";
import { readServerMessage } from "../control/server-message.ts";
import type { ControlTransport, Dial, OpenTransport } from "../control/transport.ts";
import type { GrantParts } from "./grant-check.ts";

/** How central is reached to ask for an identity. */
export interface ExchangeOptions {
  readonly openTransport: OpenTransport;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly answerTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly askTime?: (() => TimeQuestion) | undefined;
}

/** One request for an identity. */
export interface IdentityMessage {
  /** "host:port". */
  readonly address: string;
  readonly agentId: string;
  /** Encoded AgentToServer. */
  readonly bytes: Uint8Array;
  /** Sent with the HTTP request beside the agent's id. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Asks central at one address for an identity over a link of its own; sends exactly one message.
 *
 * @param message what to ask
 * @param options how to reach central
 * @returns what central granted, unchecked
 * @throws link.* codes, agent.refused, agent.central_unavailable, agent.no_grant, agent.central_silent
 */
export function exchange(message: IdentityMessage, options: ExchangeOptions): Promise<GrantParts> {
  const { address, agentId } = message;
  return exchangeOnce(message, options, (bytes) => readGrant(bytes, agentId, address));
}

/**
 * Sends central one message over a link of its own, and reads the one answer.
 *
 * @param message what to say
 * @param options how to reach central
 * @param read reads the answer's bytes; what it throws is the outcome
 * @throws link.* codes, agent.no_grant if the link ends before an answer, agent.central_silent, and what `read` throws
 */
export async function exchangeOnce<Result>(
  { address, agentId, bytes, headers = {} }: IdentityMessage,
  { openTransport, dial, clock, answerTimeoutMs, signal, askTime }: ExchangeOptions,
  read: (bytes: Uint8Array) => Result,
): Promise<Result> {
  const answer = Promise.withResolvers<Result>();
  // Rejected while the transport still opens, nobody is listening yet.
  answer.promise.catch(() => {});
  const events = {
    onMessage: (received: Uint8Array): void => {
      try {
        answer.resolve(read(received));
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
    const all = { ...headers, "OpAMP-Instance-UID": agentId };
    transport = await openTransport({ address, dial, events, signal, headers: all, askTime });
    transport.send(bytes);
    return await answer.promise;
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
