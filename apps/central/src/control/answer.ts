import { create } from "@bufbuild/protobuf";
import {
  agentIdToBytes,
  ServerCapabilities,
  ServerErrorResponseSchema,
  ServerErrorResponseType,
  type ServerToAgent,
  ServerToAgentFlags,
  ServerToAgentSchema,
  type TautlineError,
  toWireText,
} from "@tautline/protocol";

/** What central can do, told in every answer (peers.md 4.2). */
export const SERVER_CAPABILITIES = BigInt(
  ServerCapabilities.ACCEPTS_STATUS |
    ServerCapabilities.OFFERS_REMOTE_CONFIG |
    ServerCapabilities.OFFERS_CONNECTION_SETTINGS |
    ServerCapabilities.ACCEPTS_CONNECTION_SETTINGS_REQUEST,
);

/**
 * Makes the least answer OpAMP allows; never an empty one, which crashes a real client.
 *
 * @param agentId whom it answers
 * @param askFullState whether central lost track and wants the whole status again
 */
export function plainAnswer(agentId: string, askFullState = false): ServerToAgent {
  return create(ServerToAgentSchema, {
    instanceUid: agentIdToBytes(agentId),
    capabilities: SERVER_CAPABILITIES,
    flags: BigInt(askFullState ? ServerToAgentFlags.REPORT_FULL_STATE : 0),
  });
}

/** The least wait that OpAMP recommends. */
const RETRY_AFTER_MS = 30_000;
const NANOSECONDS_PER_MS = 1_000_000n;

/**
 * Makes the answer that tells an agent what was wrong with its message; an error excludes every field after it (opamp.proto).
 *
 * @param error the refusal; its code, sentence and remedy travel, its cause does not
 * @param agentId whom it answers, where that is known
 */
export function errorAnswer(error: TautlineError, agentId?: string): ServerToAgent {
  const isOurs = error.status >= 500;
  const retryAfterMs = waitOf(error);
  return create(ServerToAgentSchema, {
    ...(agentId === undefined ? {} : { instanceUid: agentIdToBytes(agentId) }),
    errorResponse: create(ServerErrorResponseSchema, {
      type: isOurs ? ServerErrorResponseType.UNAVAILABLE : ServerErrorResponseType.BAD_REQUEST,
      errorMessage: toWireText(error),
      ...(isOurs && retryAfterMs !== undefined
        ? { details: { case: "retryInfo", value: retryInfo(retryAfterMs) } }
        : {}),
    }),
  });
}

function retryInfo(ms: number): { readonly retryAfterNanoseconds: bigint } {
  return { retryAfterNanoseconds: BigInt(ms) * NANOSECONDS_PER_MS };
}

/** A central that stops is soon back, and agents spread their next dials by themselves; anything else of ours wants time. */
function waitOf({ code, detail }: TautlineError): number | undefined {
  const { retryAfterMs } = detail;
  if (typeof retryAfterMs === "number") return retryAfterMs;
  return code === "central.stopping" ? undefined : RETRY_AFTER_MS;
}
