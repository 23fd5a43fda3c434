import { create } from "@bufbuild/protobuf";
import {
  AgentCapability,
  agentIdToBytes,
  AgentToServerSchema,
  CAPABILITY_ENROLMENT,
  customMessage,
  decodeServerToAgent,
  encodeAgentToServer,
  type Level,
  LIMITS,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import type { Clock } from "../clock.ts";
import type { AgentConfig } from "../config.ts";
import { offeredCrypto } from "../control/crypto-settings.ts";
import { identityDial, levelOfOrders } from "../control/dial-central.ts";
import { dialOrder } from "../control/dial-order.ts";
import type { FoundKey } from "../control/key-file.ts";
import type { ProxyChoice } from "../control/proxy-choice.ts";
import { readServerMessage } from "../control/server-message.ts";
import { openTransportFor } from "../control/transports.ts";
import type { AgentState, CandidateState, CommittedState } from "../settings/agent-state.ts";
import { exchangeOnce } from "./exchange.ts";

/** What saying good-bye for good needs. */
export interface LeaveOptions {
  readonly config: AgentConfig;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The level that central is dialled at. */
  readonly level: Level;
  /** Gives the shared key, at the levels that need one. */
  readonly findKey: () => Promise<FoundKey>;
  readonly proxy: Pick<ProxyChoice, "proxyFor">;
}

/** A central that says this has ended the identity before: the acknowledgement of an earlier try was lost (F3). */
const GONE = new Set(["admission.agent_revoked", "admission.agent_unknown"]);

/**
 * Tells central, over a link of this agent's own identity, that the agent leaves; resolves when central has put it on its disk.
 *
 * @param state the agent's
 * @param options addresses, transport, time
 * @throws agent.leave_unproven before an identity was granted, agent.leave_unanswered; nothing was changed on this host
 */
export async function sayLeave(state: AgentState, options: LeaveOptions): Promise<void> {
  const { agentId: id } = state;
  if (state.state === "joining") {
    throw new TautlineError("agent.leave_unproven", { detail: { id } });
  }
  let failure: TautlineError | undefined;
  for (const address of dialOrder(options.config.central.addresses, state)) {
    try {
      await sayAt(address, state, options);
      return;
    } catch (error) {
      const ours = toTautlineError(error);
      if (GONE.has(String(ours.detail["code"]))) return;
      failure = ours;
    }
  }
  const reason = failure?.message ?? "no address of it is known.";
  throw new TautlineError("agent.leave_unanswered", { cause: failure, detail: { id, reason } });
}

function sayAt(
  address: string,
  { agentId, identity, keys }: CandidateState | CommittedState,
  { config, clock, signal, level, findKey, proxy }: LeaveOptions,
): Promise<void> {
  const { answerTimeout: answerTimeoutMs, transport } = config.central;
  const crypto = offeredCrypto(config.central);
  const { proxyFor } = proxy;
  const limits = { timeoutMs: answerTimeoutMs, now: clock.now, proxyFor, crypto };
  const way = { identity, keys, level: levelOfOrders(level), findKey };
  const dial = identityDial({ ...limits, ...way });
  const openTransport = openTransportFor(transport);
  return exchangeOnce(
    { address, agentId, bytes: leaveMessage(agentId) },
    { openTransport, dial, clock, answerTimeoutMs, signal },
    (bytes) => requireLeft(bytes, agentId, address),
  );
}

function leaveMessage(agentId: string): Uint8Array {
  return encodeAgentToServer(
    create(AgentToServerSchema, {
      instanceUid: agentIdToBytes(agentId),
      sequenceNum: 1n,
      capabilities: AgentCapability.ReportsStatus,
      customMessage: customMessage(CAPABILITY_ENROLMENT, "leave", new Uint8Array()),
    }),
  );
}

/** Any other answer acknowledges nothing: a central of an older version would answer as to a heartbeat. */
function requireLeft(bytes: Uint8Array, agentId: string, address: string): void {
  const message = decodeServerToAgent(bytes, LIMITS.opampMessageBytes.value);
  const refusal = readServerMessage(message, agentId).find((word) => word.kind === "error");
  if (refusal !== undefined) throw refusal.error;
  const { customMessage: custom } = message;
  if (custom?.capability === CAPABILITY_ENROLMENT && custom.type === "left") return;
  throw new TautlineError("agent.no_grant", { detail: { address } });
}
