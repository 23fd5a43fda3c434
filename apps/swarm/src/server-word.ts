import {
  agentIdToBytes,
  decodeServerToAgent,
  equalBytes,
  fromWireText,
  LIMITS,
  ServerErrorResponseType,
  ServerToAgentFlags,
  TautlineError,
  type ServerErrorResponse,
  type ServerToAgent,
} from "@tautline/protocol";

/** An agent waits no longer than this, whatever central asks (A4). */
const LONGEST_WAIT_MS = 15 * 60_000;
const NANOSECONDS_PER_MS = 1_000_000n;

/** What central answered. */
export interface ServerWord {
  readonly message: ServerToAgent;
  /** Central lost track and wants the whole state. */
  readonly wantsFullState: boolean;
  readonly refusal:
    | { readonly error: TautlineError; readonly retryAfterMs: number; readonly mayRetry: boolean }
    | undefined;
}

/**
 * Reads one answer of central.
 *
 * @param bytes an encoded ServerToAgent
 * @param agentId whom it must name
 * @throws opamp.*, agent.foreign_message
 */
export function readServerWord(bytes: Uint8Array, agentId: string): ServerWord {
  const message = decodeServerToAgent(bytes, LIMITS.opampMessageBytes.value);
  const { errorResponse, instanceUid, flags } = message;
  // A central that could not read our message cannot know our id.
  const isNameless = errorResponse !== undefined && instanceUid.length === 0;
  if (!isNameless && !equalBytes(instanceUid, agentIdToBytes(agentId))) {
    throw new TautlineError("agent.foreign_message", { detail: { claimed: "(another)" } });
  }
  return {
    message,
    wantsFullState: (flags & BigInt(ServerToAgentFlags.REPORT_FULL_STATE)) !== 0n,
    refusal: errorResponse && readRefusal(errorResponse),
  };
}

/**
 * How long an error asks to wait before the next attempt (HTTP Retry-After), bounded.
 *
 * @param error link.refused or any other
 * @returns milliseconds; 0 where it asks for nothing
 */
export function askedWaitMs(error: TautlineError | undefined): number {
  const seconds = error?.detail["retryAfterSeconds"];
  return typeof seconds === "number" ? bound(seconds * 1000) : 0;
}

function readRefusal(response: ServerErrorResponse): NonNullable<ServerWord["refusal"]> {
  const { code = "no code", text } = fromWireText(response.errorMessage);
  const mayRetry = response.type === ServerErrorResponseType.UNAVAILABLE;
  const error = new TautlineError(mayRetry ? "agent.central_unavailable" : "agent.refused", {
    detail: { code, text },
  });
  return { error, mayRetry, retryAfterMs: mayRetry ? retryAfterMs(response) : 0 };
}

function retryAfterMs({ details }: ServerErrorResponse): number {
  if (details.case !== "retryInfo") return 0;
  const ms = details.value.retryAfterNanoseconds / NANOSECONDS_PER_MS;
  return ms > BigInt(LONGEST_WAIT_MS) ? LONGEST_WAIT_MS : Number(ms);
}

function bound(ms: number): number {
  return Math.min(LONGEST_WAIT_MS, Math.max(0, ms));
}
