import {
  agentIdFromBytes,
  agentIdToBytes,
  CAPABILITY_AUDIT,
  CAPABILITY_CERTIFICATE,
  CAPABILITY_ENROLMENT,
  CAPABILITY_INSTRUCTION,
  CAPABILITY_PROMOTION,
  equalBytes,
  fromWireText,
  ServerErrorResponseType,
  ServerToAgentFlags,
  TautlineError,
  type AgentRemoteConfig,
  type ConnectionSettingsOffers,
  type ServerErrorResponse,
  type ServerToAgent,
} from "@tautline/protocol";

/** Longer waits are cut to this: an error reply must not switch an agent off for good (A4). */
const MAX_RETRY_AFTER_MS = 15 * 60_000;
const NANOSECONDS_PER_MS = 1_000_000n;

/** One thing a message of central asks for. */
export type ServerWord =
  | {
      readonly kind: "error";
      readonly error: TautlineError;
      readonly retryAfterMs: number | undefined;
      readonly mayRetry: boolean;
    }
  | { readonly kind: "report_full_state" }
  | {
      readonly kind: "instruction";
      /** Encoded SignedInstruction; undefined if none came with the configuration. */
      readonly envelope: Uint8Array | undefined;
      readonly remoteConfig: AgentRemoteConfig | undefined;
    }
  /** An identity: followed only if it answers this agent's own request. */
  | {
      readonly kind: "grant";
      readonly offer: ConnectionSettingsOffers | undefined;
      /** Encoded EnrolmentGrant. */
      readonly grant: Uint8Array;
    }
  /** What central shows of its audit trail: encoded AuditCheckpoints. It changes nothing but what is remembered of that. */
  | { readonly kind: "audit"; readonly data: Uint8Array }
  /** A certificate for a program of this host, or why there is none: encoded FileCertificateAnswer; followed only if it was asked for. */
  | { readonly kind: "certificate"; readonly data: Uint8Array }
  /** Where an agent without an identity would find one: encoded PromotionOffer. It changes nothing. */
  | { readonly kind: "promotion"; readonly data: Uint8Array }
  /** Something that would change this agent and can never be signed in this version. */
  | { readonly kind: "unsigned"; readonly what: string };

/**
 * Reads what a decoded ServerToAgent asks for, in the order to follow; decides nothing.
 *
 * @param message decoded, of any sender
 * @param agentId this agent's id
 * @throws agent.foreign_message if it names another agent, or none
 */
export function readServerMessage(message: ServerToAgent, agentId: string): ServerWord[] {
  if (!isFor(agentId, message)) {
    throw new TautlineError("agent.foreign_message", {
      detail: { claimed: claimedId(message.instanceUid) },
    });
  }
  // OpAMP: an error response excludes every other field.
  if (message.errorResponse !== undefined) return [errorWord(message.errorResponse)];
  const words: ServerWord[] = [];
  if ((message.flags & BigInt(ServerToAgentFlags.REPORT_FULL_STATE)) !== 0n) {
    words.push({ kind: "report_full_state" });
  }
  return [
    ...words,
    ...unsignedWords(message),
    ...grantWord(message),
    ...auditWord(message),
    ...certificateWord(message),
    ...promotionWord(message),
    ...instructionWord(message),
  ];
}

/** A central that could not read our message cannot know our id, so an error reply may leave it out. */
function isFor(agentId: string, { instanceUid, errorResponse }: ServerToAgent): boolean {
  if (instanceUid.length === 0 && errorResponse !== undefined) return true;
  return equalBytes(instanceUid, agentIdToBytes(agentId));
}

function errorWord(response: ServerErrorResponse): ServerWord {
  const { code = "no code", text: whole } = fromWireText(response.errorMessage);
  // As toWireText writes it; another server's text has no remedy of its own.
  const [text = whole, advice = "Look at central's log for what it means."] =
    whole.split(" Remedy: ");
  const isUnavailable = response.type === ServerErrorResponseType.UNAVAILABLE;
  const waitMs = isUnavailable ? retryAfterMs(response) : undefined;
  // The same name as of a wait that HTTP asks for: whoever gets the error without this word waits as well.
  const wait = waitMs === undefined ? {} : { retryAfterSeconds: Math.ceil(waitMs / 1000) };
  return {
    kind: "error",
    error: new TautlineError(isUnavailable ? "agent.central_unavailable" : "agent.refused", {
      detail: { code, text, advice, ...wait },
    }),
    mayRetry: isUnavailable,
    retryAfterMs: waitMs,
  };
}

function retryAfterMs({ details }: ServerErrorResponse): number | undefined {
  if (details.case !== "retryInfo") return undefined;
  const ms = details.value.retryAfterNanoseconds / NANOSECONDS_PER_MS;
  return boundRetryAfter(ms > BigInt(MAX_RETRY_AFTER_MS) ? MAX_RETRY_AFTER_MS : Number(ms));
}

/**
 * Cuts a wait that central asks for to what this agent is willing to wait.
 *
 * @param retryAfterMs what central asks, in milliseconds
 */
export function boundRetryAfter(retryAfterMs: number): number {
  return Math.min(MAX_RETRY_AFTER_MS, Math.max(0, retryAfterMs));
}

function unsignedWords(message: ServerToAgent): ServerWord[] {
  const offers = {
    command: message.command,
    packages_available: message.packagesAvailable,
    agent_identification: message.agentIdentification,
    connection_settings: isGrant(message) ? undefined : message.connectionSettings,
  };
  return Object.entries(offers).flatMap(([what, offer]): ServerWord[] =>
    offer === undefined ? [] : [{ kind: "unsigned", what }],
  );
}

function isGrant({ customMessage }: ServerToAgent): boolean {
  return customMessage?.capability === CAPABILITY_ENROLMENT && customMessage.type === "grant";
}

function grantWord(message: ServerToAgent): ServerWord[] {
  const { customMessage, connectionSettings: offer } = message;
  if (customMessage === undefined || !isGrant(message)) return [];
  return [{ kind: "grant", offer, grant: customMessage.data }];
}

function auditWord({ customMessage: custom }: ServerToAgent): ServerWord[] {
  const isShown = custom?.capability === CAPABILITY_AUDIT && custom.type === "checkpoints";
  return isShown ? [{ kind: "audit", data: custom.data }] : [];
}

function certificateWord({ customMessage: custom }: ServerToAgent): ServerWord[] {
  const isAnswer = custom?.capability === CAPABILITY_CERTIFICATE && custom.type === "answer";
  return isAnswer ? [{ kind: "certificate", data: custom.data }] : [];
}

function promotionWord({ customMessage: custom }: ServerToAgent): ServerWord[] {
  const isOffer = custom?.capability === CAPABILITY_PROMOTION && custom.type === "offer";
  return isOffer ? [{ kind: "promotion", data: custom.data }] : [];
}

function instructionWord({ customMessage, remoteConfig }: ServerToAgent): ServerWord[] {
  const isSigned =
    customMessage?.capability === CAPABILITY_INSTRUCTION && customMessage.type === "signed";
  const envelope = isSigned ? customMessage.data : undefined;
  if (envelope === undefined && remoteConfig === undefined) return [];
  return [{ kind: "instruction", envelope, remoteConfig }];
}

function claimedId(instanceUid: Uint8Array): string {
  if (instanceUid.length !== 16) return `(${instanceUid.length} bytes)`;
  try {
    return agentIdFromBytes(instanceUid);
  } catch {
    return "(not an agent id)";
  }
}
