import { create } from "@bufbuild/protobuf";
import {
  type AgentToServer,
  AgentRemoteConfigSchema,
  CAPABILITY_INSTRUCTION,
  customMessage,
  decodeAgentToServer,
  decodeInstructionReceipt,
  judgeSequence,
  LIMITS,
  type ServerToAgent,
  TautlineError,
} from "@tautline/protocol";
import { grantAnswer } from "../enrolment/grant.ts";
import { proveIdentity } from "../enrolment/prove-identity.ts";
import { renew } from "../enrolment/renew.ts";
import { renewalOrderOf } from "../enrolment/renewal-message.ts";
import type { AgentStore, StatusChange } from "../fleet/agent-store.ts";
import type { InstructionStore } from "../instructions/instruction-store.ts";
import type { CentralMetrics } from "../metrics.ts";
import type { SettingStore } from "../settings/setting-store.ts";
import type { AgentRow } from "../store/schema.ts";
import type { Store } from "../store/store.ts";
import { plainAnswer } from "./answer.ts";
import { offerAddresses, type AddressState } from "../addresses/offer-addresses.ts";
import type { CentralAddresses } from "../addresses/wanted-addresses.ts";
import type { AgentCaller } from "./caller.ts";
import { claimedSender } from "./message-sender.ts";
import type { RenewalSessionDeps } from "./renewal-session.ts";
import type { Session } from "./session.ts";
import { shouldOfferSettings } from "./settings-offer.ts";
import { statusChangeOf } from "./status-change.ts";

/** What an agent's session needs. */
export interface AgentSessionDeps {
  readonly agents: AgentStore;
  readonly settings: SettingStore;
  readonly addresses: Pick<CentralAddresses, "wantedBy">;
  readonly instructions: InstructionStore;
  readonly metrics: CentralMetrics;
  readonly now: () => number;
  readonly store: Store;
  readonly renewing: RenewalSessionDeps;
}

interface SessionState {
  sequence: bigint | undefined;
  config: { hash: string | null; status: AgentRow["config_status"] };
  offered: { readonly hash: string; readonly atMs: number } | undefined;
  addresses: AddressState;
  ended: boolean;
}

/**
 * Begins the session of an agent that proved itself: the meaning of its messages, whatever transport they ride on.
 *
 * @param deps central's parts
 * @param caller the agent
 */
export function createAgentSession(deps: AgentSessionDeps, caller: AgentCaller): Session {
  const { agent } = caller;
  const state: SessionState = {
    sequence: undefined,
    config: { hash: agent.config_hash, status: agent.config_status },
    offered: undefined,
    addresses: {
      hash: agent.addresses_hash,
      status: agent.addresses_status,
      atMs: agent.addresses_at ?? 0,
    },
    ended: false,
  };
  return {
    agentId: agent.id,
    isEnded: () => state.ended,
    receive: (bytes) => receive(deps, caller, state, bytes),
    push: async () => {
      const answer = plainAnswer(agent.id);
      return (await attachOffer(deps, agent, state, answer)) ? answer : undefined;
    },
  };
}

async function receive(
  deps: AgentSessionDeps,
  caller: AgentCaller,
  state: SessionState,
  bytes: Uint8Array,
): Promise<ServerToAgent> {
  const { agent } = caller;
  refuseExpired(deps, caller);
  const message = decodeAgentToServer(bytes, LIMITS.opampMessageBytes.value);
  requireOwnId(message, agent.id);
  const change = statusChangeOf(message);
  const turn = judgeSequence(state.sequence, message.sequenceNum);
  // The agent may have been revoked between its admission and now.
  if (turn === "first") await deps.agents.activate(agent.id);
  // On the disk before the answer: an answered status is never lost (DESIGN section 6, promise 3).
  await deps.agents.saveStatus(agent.id, change);
  // Only now: of a message that was not kept, the agent is asked again, because its next one leaves a gap.
  state.sequence = message.sequenceNum;
  noteConfig(state, change);
  await settleReceipt(deps, agent.id, state, message);
  if (message.agentDisconnect !== undefined) state.ended = true;
  const serial = caller.evidence.peerSerial ?? "";
  // Last of all: whoever is refused keeps its older identity.
  if (turn === "first") await proveIdentity(deps.store, agent.id, serial);
  const order = renewalOrderOf(message, { agentId: agent.id, serial });
  if (order !== undefined) {
    return grantAnswer(deps.renewing.grant, await renew(deps.renewing.renewal, order));
  }
  const answer = plainAnswer(agent.id, turn === "gap" || lacksState(turn, message));
  if (!state.ended) await attachOffer(deps, agent, state, answer);
  return answer;
}

/** A28: a certificate that ends while its link lives ends what the link may do. */
function refuseExpired({ now }: AgentSessionDeps, { expiresAtMs }: AgentCaller): void {
  if (now() <= expiresAtMs) return;
  const expiredAt = new Date(expiresAtMs).toISOString();
  throw new TautlineError("admission.certificate_expired", { detail: { expiredAt } });
}

/** A30: what an agent says is about itself alone. */
function requireOwnId(message: AgentToServer, agentId: string): void {
  const claimed = claimedSender(message);
  if (claimed !== agentId) throw new TautlineError("opamp.not_your_id", { detail: { claimed } });
}

/** The first message of a link should carry the full status; a client that left it out is asked for it. */
function lacksState(turn: string, message: AgentToServer): boolean {
  return (
    turn === "first" &&
    message.agentDescription === undefined &&
    message.agentDisconnect === undefined
  );
}

function noteConfig(state: SessionState, { config }: StatusChange): void {
  if (config !== undefined) state.config = { hash: config.hash, status: config.status };
}

async function settleReceipt(
  deps: AgentSessionDeps,
  agentId: string,
  state: SessionState,
  message: AgentToServer,
): Promise<void> {
  const custom = message.customMessage;
  if (custom?.capability !== CAPABILITY_INSTRUCTION || custom.type !== "receipt") return;
  const { signerEpoch, seq, code, text } = decodeInstructionReceipt(custom.data);
  deps.metrics.instructions.inc({ outcome: code === "" ? "carried out" : "refused" });
  const receipt = { agentId, epoch: signerEpoch, seq, code, text };
  const settled = await deps.instructions.settle(receipt);
  if (settled?.kind !== "addresses" || settled.digest !== state.addresses.hash) return;
  const status = code === "" ? "applied" : "failed";
  state.addresses = { ...state.addresses, status, atMs: deps.now() };
}

/** One offer a message: both kinds travel as the message's one custom message. */
async function attachOffer(
  deps: AgentSessionDeps,
  agent: AgentRow,
  state: SessionState,
  answer: ServerToAgent,
): Promise<boolean> {
  if (await attachSettings(deps, agent, state, answer)) return true;
  const offered = await offerAddresses(deps, agent, state.addresses);
  if (offered === undefined) return false;
  state.addresses = offered.state;
  answer.customMessage = customMessage(CAPABILITY_INSTRUCTION, "signed", offered.signed);
  return true;
}

/** Adds the settings the agent should run, signed, where it does not run them yet; tells whether it did. */
async function attachSettings(
  deps: AgentSessionDeps,
  agent: AgentRow,
  state: SessionState,
  answer: ServerToAgent,
): Promise<boolean> {
  const { configMap, hash, isEmpty } = await deps.settings.wanted(agent.namespace);
  const wantedHash = hash.toString("hex");
  const nowMs = deps.now();
  const { offered, config } = state;
  const needed = shouldOfferSettings({
    wantedHash,
    wantedIsEmpty: isEmpty,
    reportedHash: config.hash,
    reportedStatus: config.status,
    offered:
      offered === undefined ? undefined : { hash: offered.hash, ageMs: nowMs - offered.atMs },
  });
  if (!needed) return false;
  state.offered = { hash: wantedHash, atMs: nowMs };
  const order = { agentId: agent.id, namespace: agent.namespace, kind: "settings", digest: hash };
  const signed = await deps.instructions.issue(order);
  deps.metrics.instructions.inc({ outcome: "issued" });
  answer.remoteConfig = create(AgentRemoteConfigSchema, { config: configMap, configHash: hash });
  answer.customMessage = customMessage(CAPABILITY_INSTRUCTION, "signed", signed);
  return true;
}
