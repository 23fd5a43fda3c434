import {
  CAPABILITY_INSTRUCTION,
  customMessage,
  encodeInstructionReceipt,
  TautlineError,
  type InstructionReceipt,
  type Level,
} from "@tautline/protocol";
import type { AuditWatch } from "../audit/audit-watch.ts";
import type { Clock } from "../clock.ts";
import type { AgentConfig } from "../config.ts";
import type { CertificateKeeper } from "../certificates/certificate-keeper.ts";
import type { RenewalKeeper } from "../enrolment/renewal-keeper.ts";
import { requireRemoteForwards } from "../forwards/remote-forwards.ts";
import { createInstructionGate } from "../instructions/instruction-gate.ts";
import type { LocalAudit } from "../instructions/local-audit.ts";
import { createReportAllowance } from "../report-allowance.ts";
import type { AgentState, CandidateState, CommittedState } from "../settings/agent-state.ts";
import type { SettingsStore } from "../settings/settings-store.ts";
import type { AddressMover } from "./address-mover.ts";
import type { LevelMover } from "./level-mover.ts";
import { effectiveConfig, refusedConfigStatus, remoteConfigStatus } from "./agent-report.ts";
import type { NextMessage } from "./next-message.ts";
import type { Order } from "./session.ts";

/** What works over a link while it lives. */
export interface Keepers {
  readonly keeper: RenewalKeeper;
  readonly mover: AddressMover;
  readonly levels: LevelMover;
  readonly certificates: CertificateKeeper;
}

/** What taking orders needs of the agent around it. */
export interface OrderOptions {
  readonly store: SettingsStore;
  readonly audit: LocalAudit;
  readonly config: AgentConfig;
  readonly clock: Clock;
  /** The level that every link is dialled at now. */
  readonly level: () => Level;
  /** Settings came into force. */
  readonly onSettings: (state: CommittedState) => void;
  readonly onProblem: (error: TautlineError) => void;
}

/** Whoever may have to do with an order. */
export interface OrderTakers extends Keepers {
  readonly nextMessage: NextMessage;
  readonly watch: AuditWatch;
}

/**
 * Makes what takes central's orders: a grant goes to whoever asked for it, the rest through the gate of instructions; every one is
 * receipted.
 *
 * @param options the agent around it
 * @param takers who may have to do with an order
 */
export function createOrderHandler(
  options: OrderOptions,
  { nextMessage, keeper, mover, levels, certificates, watch }: OrderTakers,
): (order: Order) => void {
  const { store, audit, config, clock, level } = options;
  const gate = createInstructionGate({
    store,
    audit,
    allowance: createReportAllowance(clock.now),
    allowedKinds: new Set(config.allowedInstructions),
    requireAllowed: ({ forwards = {} }) => requireRemoteForwards(forwards, config),
    hasLocalAddresses: config.central.addresses.length > 0,
    level,
    now: clock.now,
  });
  return (order) => {
    if (order.kind === "audit") return watch.receive(order.data);
    if (order.kind === "certificate") return certificates.receive(order.data);
    // An agent that has an identity needs no other.
    if (order.kind === "promotion") return;
    if (order.kind === "grant" && keeper.receive(order)) return;
    const outcome = gate.receive(
      order.kind === "grant" ? { kind: "unsigned", what: "connection_settings" } : order,
    );
    if ("begins" in outcome) return (outcome.begins === "move" ? mover : levels).begin();
    nextMessage.enqueue(receiptMessage(outcome.receipt));
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

/** Writes the message that tells central what became of an instruction. */
export function receiptMessage(receipt: InstructionReceipt): ReturnType<typeof customMessage> {
  return customMessage(CAPABILITY_INSTRUCTION, "receipt", encodeInstructionReceipt(receipt));
}

/** What a status says of the settings that are in force; nothing before the identity is proven. */
export function inForce(
  state: CandidateState | CommittedState,
): Parameters<NextMessage["report"]>[0] {
  if (state.state !== "committed") return {};
  return {
    effectiveConfig: effectiveConfig(state.last.settings),
    remoteConfigStatus: remoteConfigStatus(state),
  };
}

/**
 * Gives the state of an agent that holds an identity.
 *
 * @throws agent.out_of_order
 */
export function withIdentity(state: AgentState | undefined): CandidateState | CommittedState {
  if (state?.state === "candidate" || state?.state === "committed") return state;
  throw new TautlineError("agent.out_of_order", {
    detail: { event: "dial", state: state?.state ?? "not joined" },
  });
}
