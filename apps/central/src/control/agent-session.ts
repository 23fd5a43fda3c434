import { create } from "@bufbuild/protobuf";
import {
  type AgentToServer,
  AgentRemoteConfigSchema,
  CAPABILITY_ENROLMENT,
  CAPABILITY_INSTRUCTION,
  customMessage,
  decodeAgentToServer,
  decodeInstructionReceipt,
  equalBytes,
  judgeSequence,
  LIMITS,
  type ServerToAgent,
  TautlineError,
} from "@tautline/protocol";
import type { Witness } from "../audit/witness.ts";
import type { EdgeStore } from "../edges/edge-store.ts";
import { grantAnswer } from "../enrolment/grant.ts";
import { proveIdentity } from "../enrolment/prove-identity.ts";
import { renew } from "../enrolment/renew.ts";
import { renewalOrderOf } from "../enrolment/renewal-message.ts";
import type { AgentLife } from "../fleet/agent-life.ts";
import type { AgentStore } from "../fleet/agent-store.ts";
import type { StatusChange } from "../fleet/save-status.ts";
import type { InstructionStore } from "../instructions/instruction-store.ts";
import type { CentralMetrics } from "../metrics.ts";
import type { LevelOrders } from "../moves/level-orders.ts";
import { offerLevel } from "../moves/offer-level.ts";
import {
  createProgramAnswers,
  type ProgramAnswerDeps,
  type ProgramAnswers,
} from "../programs/answer-request.ts";
import type { SettingStore } from "../settings/setting-store.ts";
import type { AgentRow } from "../store/schema.ts";
import type { Store } from "../store/store.ts";
import { plainAnswer } from "./answer.ts";
import { type AuditTalk, createAuditTalk } from "./audit-talk.ts";
import { offerAddresses, type AddressState } from "../addresses/offer-addresses.ts";
import type { CentralAddresses } from "../addresses/wanted-addresses.ts";
import type { AgentCaller } from "./caller.ts";
import { hasStatusOf } from "./kept-status.ts";
import { claimedSender } from "./message-sender.ts";
import type { RenewalSessionDeps } from "./renewal-session.ts";
import type { Session } from "./session.ts";
import { shouldOfferSettings } from "./settings-offer.ts";
import { statusChangeOf } from "./status-change.ts";

/** What an agent's session needs. */
export interface AgentSessionDeps {
  readonly agents: AgentStore;
  readonly settings: SettingStore;
  readonly addresses: Pick<CentralAddresses, "wantedBy" | "toldTo">;
  readonly moves: Pick<LevelOrders, "openOf" | "noteOffer" | "reread">;
  readonly instructions: InstructionStore;
  readonly metrics: CentralMetrics;
  readonly now: () => number;
  readonly store: Store;
  readonly renewing: RenewalSessionDeps;
  readonly life: Pick<AgentLife, "leave">;
  readonly witness: Witness;
  readonly answering: ProgramAnswerDeps;
  readonly edges: EdgeStore;
}

interface SessionState {
  readonly audit: AuditTalk;
  readonly programs: ProgramAnswers;
  /** The least answer, made once: it is what nearly every message gets. */
  readonly plain: ServerToAgent;
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
    audit: createAuditTalk(deps.witness, agent.id),
    programs: createProgramAnswers(deps.answering, agent.id),
    plain: plainAnswer(agent.id),
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
      const offer = await offerOf(deps, agent, state);
      return offer && { ...plainAnswer(agent.id), ...offer };
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
  requireOwnId(message, state.plain.instanceUid);
  const change = statusChangeOf(message);
  const turn = judgeSequence(state.sequence, message.sequenceNum);
  // The agent may have been revoked between its admission and now.
  if (turn === "first") await deps.agents.activate(agent.id);
  // On the disk before the answer: an answered status is never lost (DESIGN section 6, promise 3).
  await deps.agents.saveStatus(agent.id, change);
  // Only now: of a message that was not kept, the agent is asked again, because its next one leaves a gap.
  state.sequence = message.sequenceNum;
  noteConfig(state, change);
  if (isReceipt(message)) await settleReceipt(deps, agent.id, state, message);
  await state.audit.take(message);
  await deps.edges.take(agent.id, message);
  if (message.agentDisconnect !== undefined) state.ended = true;
  const serial = caller.evidence.peerSerial ?? "";
  // Last of all: whoever is refused keeps its older identity.
  if (turn === "first") await proveIdentity(deps.store, agent.id, serial);
  if (saysLeave(message)) {
    requireBound(caller, "end an identity");
    return letGo(deps, agent.id, state);
  }
  const order = renewalOrderOf(message, { agentId: agent.id, serial });
  if (order !== undefined) {
    requireBound(caller, "renew an identity");
    return grantAnswer(deps.renewing.grant, await renew(deps.renewing.renewal, order));
  }
  if (state.programs.isAsked(message)) {
    requireBound(caller, "have a certificate made");
    return state.programs.answer(message);
  }
  const wantsFullState =
    turn === "gap" || (lacksState(turn, message) && !hasStatusOf(agent, change, message));
  return answerWith(deps, agent, state, wantsFullState);
}

/** The answer to a status: what the agent should run, else what it was not told of the trail, else nothing but its id. */
async function answerWith(
  deps: AgentSessionDeps,
  agent: AgentRow,
  state: SessionState,
  wantsFullState: boolean,
): Promise<ServerToAgent> {
  const offer = state.ended ? undefined : await offerOf(deps, agent, state);
  const news = state.ended || offer !== undefined ? undefined : await state.audit.news();
  if (!wantsFullState && offer === undefined && news === undefined) return state.plain;
  return { ...plainAnswer(agent.id, wantsFullState), ...offer, ...news };
}

/** Where nothing binds a message to the proof of who began the link, whoever stands between could have keys of its own certified. */
function requireBound({ evidence: { clientProven, level } }: AgentCaller, what: string): void {
  if (!clientProven) throw new TautlineError("admission.link_unbound", { detail: { level, what } });
}

function saysLeave({ customMessage: custom }: AgentToServer): boolean {
  return custom?.capability === CAPABILITY_ENROLMENT && custom.type === "leave";
}

/** The agent goes: its identity is ended before it is told so, and it wipes its own only then. */
async function letGo(
  { life }: AgentSessionDeps,
  agentId: string,
  state: SessionState,
): Promise<ServerToAgent> {
  await life.leave(agentId);
  state.ended = true;
  const answer = plainAnswer(agentId);
  answer.customMessage = customMessage(CAPABILITY_ENROLMENT, "left", new Uint8Array());
  return answer;
}

/** A28: a certificate that ends while its link lives ends what the link may do. */
function refuseExpired({ now }: AgentSessionDeps, { expiresAtMs }: AgentCaller): void {
  if (now() <= expiresAtMs) return;
  const expiredAt = new Date(expiresAtMs).toISOString();
  throw new TautlineError("admission.certificate_expired", { detail: { expiredAt } });
}

/** A30: what an agent says is about itself alone. */
function requireOwnId(message: AgentToServer, own: Uint8Array): void {
  if (equalBytes(message.instanceUid, own)) return;
  throw new TautlineError("opamp.not_your_id", { detail: { claimed: claimedSender(message) } });
}

/** The first message of a link should carry the full status; who left it out is asked for it unless central has it. */
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

function isReceipt({ customMessage: custom }: AgentToServer): boolean {
  return custom?.capability === CAPABILITY_INSTRUCTION && custom.type === "receipt";
}

async function settleReceipt(
  deps: AgentSessionDeps,
  agentId: string,
  state: SessionState,
  { customMessage: custom }: AgentToServer,
): Promise<void> {
  const data = custom?.data ?? new Uint8Array();
  const { signerEpoch, seq, code, text } = decodeInstructionReceipt(data);
  deps.metrics.instructions.inc({ outcome: code === "" ? "carried out" : "refused" });
  const receipt = { agentId, epoch: signerEpoch, seq, code, text };
  const settled = await deps.instructions.settle(receipt);
  if (settled?.kind === "level") await deps.moves.reread(agentId);
  if (settled?.kind !== "addresses" || settled.digest !== state.addresses.hash) return;
  const status = code === "" ? "applied" : "failed";
  state.addresses = { ...state.addresses, status, atMs: deps.now() };
}

/** The fields of an answer that carry an offer. */
type Offer = Partial<Pick<ServerToAgent, "remoteConfig" | "customMessage">>;

/** One offer a message: all kinds travel as the message's one custom message. */
async function offerOf(
  deps: AgentSessionDeps,
  agent: AgentRow,
  state: SessionState,
): Promise<Offer | undefined> {
  const settings = await settingsOffer(deps, agent, state);
  if (settings !== undefined) return settings;
  const offered = await offerAddresses(deps, agent, state.addresses);
  if (offered !== undefined) state.addresses = offered.state;
  const signed = offered?.signed ?? (await offerLevel(deps, agent));
  return signed && { customMessage: customMessage(CAPABILITY_INSTRUCTION, "signed", signed) };
}

/** The settings the agent should run, signed, where it does not run them yet: the fields of an answer that carry them. */
async function settingsOffer(
  deps: AgentSessionDeps,
  agent: AgentRow,
  state: SessionState,
): Promise<Offer | undefined> {
  const wanted = await deps.settings.wanted(agent.namespace);
  const { configMap, hash, hashHex: wantedHash, isEmpty } = wanted;
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
  if (!needed) return undefined;
  state.offered = { hash: wantedHash, atMs: nowMs };
  const order = { agentId: agent.id, namespace: agent.namespace, kind: "settings", digest: hash };
  const signed = await deps.instructions.issue(order);
  deps.metrics.instructions.inc({ outcome: "issued" });
  return {
    remoteConfig: create(AgentRemoteConfigSchema, { config: configMap, configHash: hash }),
    customMessage: customMessage(CAPABILITY_INSTRUCTION, "signed", signed),
  };
}
