import {
  type AgentToServer,
  CAPABILITY_AUDIT,
  CAPABILITY_ENROLMENT,
  CAPABILITY_INSTRUCTION,
  CAPABILITY_PROMOTION,
  customMessage,
  decodeAgentToServer,
  encodePromotionOffer,
  isAgentName,
  judgeSequence,
  LIMITS,
  type SignedPromotion,
  ServerCapabilities,
  type ServerToAgent,
  TautlineError,
} from "@tautline/protocol";
import type { ClaimStore } from "../fleet/claim-store.ts";
import type { StatusChange } from "../fleet/save-status.ts";
import type { Reopenings } from "../reopening/reopenings.ts";
import type { AgentRow } from "../store/schema.ts";
import { plainAnswer } from "./answer.ts";
import type { ClaimCaller } from "./caller.ts";
import { hasStatusOf } from "./kept-status.ts";
import { claimedSender } from "./message-sender.ts";
import type { Session } from "./session.ts";
import { statusChangeOf } from "./status-change.ts";

/** What the session of somebody without an identity needs. */
export interface ClaimSessionDeps {
  readonly claims: ClaimStore;
  /** What agents of a namespace are told when they are promoted. */
  readonly promotion: (namespace: string) => SignedPromotion;
  /** Judges its link by the policy, now that its id is known; undefined: good enough. */
  readonly judge: (caller: ClaimCaller, agentId: string) => TautlineError | undefined;
  /** Whom plaintext is open to, to be told where they can join. */
  readonly reopenings: Pick<Reopenings, "covers" | "noteTold">;
}

interface SessionState {
  agentId: string | undefined;
  isRecorded: boolean;
  sequence: bigint | undefined;
  /** The promotion that this link was told of. */
  toldOf: number | null;
  /** It is no link: it was told where to join, and that there is nothing else here. */
  isToldOnly: boolean;
  ended: boolean;
}

/**
 * Begins the session of somebody without an identity: what it says of itself is kept and answered, and it is given nothing. Whether
 * it may be seen under its id is asked anew with each message, since an agent may get an identity, or be deleted, at any time.
 *
 * @param deps central's parts
 * @param caller the claimant
 */
export function createClaimSession(deps: ClaimSessionDeps, caller: ClaimCaller): Session {
  const state: SessionState = {
    agentId: undefined,
    isRecorded: false,
    sequence: undefined,
    toldOf: null,
    isToldOnly: false,
    ended: false,
  };
  return {
    get agentId() {
      return state.agentId;
    },
    get isRecorded() {
      return state.isRecorded;
    },
    get isLink() {
      return !state.isToldOnly;
    },
    isEnded: () => state.ended,
    farewell: () => (state.isToldOnly ? new TautlineError("admission.only_told") : undefined),
    receive: (bytes) => receive(deps, caller, state, bytes),
    push: async () => {
      if (state.agentId === undefined || state.ended) return undefined;
      const row = await seen(deps, caller, state.agentId);
      const offer = await promotionOf(deps, state, row);
      return offer && { ...claimAnswer(row.id), ...offer };
    },
  };
}

async function receive(
  deps: ClaimSessionDeps,
  caller: ClaimCaller,
  state: SessionState,
  bytes: Uint8Array,
): Promise<ServerToAgent> {
  const message = decodeAgentToServer(bytes, LIMITS.opampUnprovenMessageBytes.value);
  const id = claimedSender(message);
  if (state.agentId !== undefined && state.agentId !== id) {
    throw new TautlineError("opamp.not_your_id", { detail: { claimed: id } });
  }
  state.agentId = id;
  // Before it is recorded: who may not be here leaves nothing.
  const refusal = caller.refusal ?? deps.judge(caller, id);
  if (refusal !== undefined) return tellOnly(deps, caller, state, { id, message, refusal });
  const change = statusChangeOf(message);
  const row = await seen(deps, caller, id, nameIn(change));
  state.isRecorded = true;
  const turn = judgeSequence(state.sequence, message.sequenceNum);
  await deps.claims.saveStatus(id, change);
  state.sequence = message.sequenceNum;
  if (message.agentDisconnect !== undefined) {
    state.ended = true;
    return claimAnswer(id);
  }
  if (asksForMore(message)) {
    throw new TautlineError("admission.identity_required", { detail: { id } });
  }
  const lacksState = turn === "first" && message.agentDescription === undefined;
  const wantsFullState = turn === "gap" || (lacksState && !hasStatusOf(row, change, message));
  return { ...claimAnswer(id, wantsFullState), ...(await promotionOf(deps, state, row)) };
}

interface ToldOnly {
  readonly id: string;
  readonly message: AgentToServer;
  readonly refusal: TautlineError;
}

/**
 * Where plaintext is open to it for that, somebody who may have no link is told where it can join (DESIGN "Policy"). That it was seen is
 * kept, under the name that it says; all else that it says is not.
 *
 * @throws the refusal, where nothing is open to it
 */
async function tellOnly(
  { claims, promotion, reopenings }: ClaimSessionDeps,
  caller: ClaimCaller,
  state: SessionState,
  { id, message, refusal }: ToldOnly,
): Promise<ServerToAgent> {
  const { evidence, key, remoteAddress } = caller;
  const isOpen = evidence.level === "plaintext" && reopenings.covers(remoteAddress);
  if (!isOpen) throw refusal;
  const name = nameIn(statusChangeOf(message));
  const { namespace } = await claims.see({ id, key, name, remoteAddress });
  await reopenings.noteTold(id, remoteAddress);
  state.isToldOnly = true;
  state.ended = true;
  return { ...claimAnswer(id), ...offerOf(promotion(namespace)) };
}

function offerOf(offer: SignedPromotion): Pick<ServerToAgent, "customMessage"> {
  const data = encodePromotionOffer(offer);
  return { customMessage: customMessage(CAPABILITY_PROMOTION, "offer", data) };
}

function seen(
  { claims }: ClaimSessionDeps,
  { key, remoteAddress }: ClaimCaller,
  id: string,
  name?: string,
): Promise<AgentRow> {
  return claims.see({ id, key, name, remoteAddress });
}

/** The label that our agents say; of others the name of their host. */
function nameIn({ attributes = {} }: StatusChange): string | undefined {
  const said = [attributes["tautline.name"], attributes["host.name"]];
  return said.find((name) => name !== undefined && isAgentName(name));
}

/** Identities, instructions and news of the trail are for those who proved who they are. */
function asksForMore({ customMessage: custom, connectionSettingsRequest }: AgentToServer): boolean {
  const capability = custom?.capability;
  return (
    connectionSettingsRequest !== undefined ||
    capability === CAPABILITY_ENROLMENT ||
    capability === CAPABILITY_INSTRUCTION ||
    capability === CAPABILITY_AUDIT
  );
}

/** Of all that central can do, it does one thing for them: it listens. */
function claimAnswer(id: string, askFullState = false): ServerToAgent {
  const answer = plainAnswer(id, askFullState);
  answer.capabilities = BigInt(ServerCapabilities.ACCEPTS_STATUS);
  return answer;
}

/** Told once on each link, until the agent has joined: it may have been lost, and costs nothing. */
async function promotionOf(
  { claims, promotion }: ClaimSessionDeps,
  state: SessionState,
  { id, namespace, promoted_at: promotedAt }: AgentRow,
): Promise<Pick<ServerToAgent, "customMessage"> | undefined> {
  if (promotedAt === null || promotedAt === state.toldOf) return undefined;
  await claims.notePromotionTold(id);
  state.toldOf = promotedAt;
  return offerOf(promotion(namespace));
}
