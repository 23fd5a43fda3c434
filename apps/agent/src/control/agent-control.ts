import { createBackoff } from "@tautline/link";
import {
  CAPABILITY_INSTRUCTION,
  customMessage,
  DEFAULT_AGENT_SETTINGS,
  encodeInstructionReceipt,
  TautlineError,
  type LinkEvidence,
} from "@tautline/protocol";
import type { Clock } from "../clock.ts";
import type { AgentConfig } from "../config.ts";
import { createInstructionGate } from "../instructions/instruction-gate.ts";
import type { LocalAudit } from "../instructions/local-audit.ts";
import { createReportAllowance } from "../report-allowance.ts";
import type { AgentState, CandidateState, CommittedState } from "../settings/agent-state.ts";
import type { SettingsStore } from "../settings/settings-store.ts";
import {
  connectionSettingsStatus,
  effectiveConfig,
  fullStatus,
  joinedCapabilities,
  refusedConfigStatus,
  remoteConfigStatus,
  type HostFacts,
} from "./agent-report.ts";
import { createControlLink, type ControlLink } from "./control-link.ts";
import { mutualDial } from "./dial-central.ts";
import { createNextMessage, type NextMessage } from "./next-message.ts";
import type { Order } from "./session.ts";
import { openTransportFor } from "./transports.ts";

/** What the control link needs of the agent around it. */
export interface AgentControlOptions {
  readonly store: SettingsStore;
  readonly audit: LocalAudit;
  readonly config: AgentConfig;
  readonly clock: Clock;
  readonly random: () => number;
  readonly host: HostFacts;
  /** The first answer came and, if the identity was a candidate, it is committed. */
  readonly onConnected: (agentId: string, address: string, evidence: LinkEvidence) => void;
  /** Settings came into force. */
  readonly onSettings: (state: CommittedState) => void;
  readonly onProblem: (error: TautlineError) => void;
}

/**
 * Makes the control link of an agent that holds an identity, proven or not; with a candidate the first answer proves it.
 *
 * @throws agent.out_of_order before central granted an identity
 */
export function createAgentControl(options: AgentControlOptions): ControlLink {
  const { store, config, clock, host, onProblem } = options;
  const state = withIdentity(store.state);
  const acceptsSettings = config.allowedInstructions.includes("settings");
  const name = config.name ?? state.name;
  const nextMessage = createNextMessage(
    state.agentId,
    joinedCapabilities(acceptsSettings),
    fullStatus(state, name, host),
  );
  const limits = { timeoutMs: config.central.answerTimeout, now: clock.now };
  const { addresses, transport, answerTimeout, pollingInterval } = config.central;
  return createControlLink({
    session: {
      agentId: state.agentId,
      nextMessage,
      clock,
      answerTimeoutMs: answerTimeout,
      heartbeatMs: () => (transport === "polling" ? pollingInterval : heartbeatMs(store.state)),
      onAnswered: (address, evidence) => {
        commit(options, nextMessage);
        options.onConnected(state.agentId, address, evidence);
      },
      onAnswer: () => {},
      onOrder: createOrderHandler(options, nextMessage),
      onProblem,
    },
    openTransport: openTransportFor(transport),
    dial: mutualDial(state.identity, state.keys, config.floor, limits),
    addresses: () => (addresses.length > 0 ? addresses : state.identity.addresses),
    backoff: createBackoff({ random: options.random }),
    clock,
  });
}

/** Central answered under the identity: only now is the token dropped and the identity the agent's own. */
function commit({ store, audit }: AgentControlOptions, nextMessage: NextMessage): void {
  if (store.state?.state !== "candidate") return;
  const { agentId, identity } = store.state;
  const { namespace, trustDomain } = identity;
  audit.append("enrolment.proven", { agentId, namespace, trustDomain });
  const committed = withIdentity(store.apply({ kind: "proven" }));
  nextMessage.report({
    connectionSettingsStatus: connectionSettingsStatus(committed),
    ...inForce(committed),
  });
}

function createOrderHandler(
  options: AgentControlOptions,
  nextMessage: NextMessage,
): (order: Order) => void {
  const { store, audit, config, clock } = options;
  const gate = createInstructionGate({
    store,
    audit,
    allowance: createReportAllowance(clock.now),
    allowedKinds: new Set(config.allowedInstructions),
    now: clock.now,
  });
  return (order) => {
    const outcome = gate.receive(order);
    const receipt = encodeInstructionReceipt(outcome.receipt);
    nextMessage.enqueue(customMessage(CAPABILITY_INSTRUCTION, "receipt", receipt));
    if (outcome.carriedOut) {
      const state = withIdentity(store.state);
      nextMessage.report(inForce(state));
      if (state.state === "committed") options.onSettings(state);
      return;
    }
    options.onProblem(outcome.error);
    if (outcome.refusedHash !== undefined) {
      const refused = refusedConfigStatus(outcome.refusedHash, outcome.receipt.text);
      nextMessage.report({ remoteConfigStatus: refused });
    }
  };
}

function inForce(state: CandidateState | CommittedState): Parameters<NextMessage["report"]>[0] {
  if (state.state !== "committed") return {};
  return {
    effectiveConfig: effectiveConfig(state.last.settings),
    remoteConfigStatus: remoteConfigStatus(state),
  };
}

function heartbeatMs(state: AgentState | undefined): number {
  const seconds =
    state?.state === "committed"
      ? state.last.settings.heartbeatSeconds
      : DEFAULT_AGENT_SETTINGS.heartbeatSeconds;
  return seconds * 1000;
}

function withIdentity(state: AgentState | undefined): CandidateState | CommittedState {
  if (state?.state === "candidate" || state?.state === "committed") return state;
  throw new TautlineError("agent.out_of_order", {
    detail: { event: "dial", state: state?.state ?? "not joined" },
  });
}
