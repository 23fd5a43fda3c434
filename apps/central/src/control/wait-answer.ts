import { create } from "@bufbuild/protobuf";
import {
  agentIdToBytes,
  isTautlineError,
  ServerErrorResponseSchema,
  ServerErrorResponseType,
  type ServerToAgent,
  ServerToAgentSchema,
  toWireText,
} from "@tautline/protocol";

const NANOSECONDS_PER_SECOND = 1_000_000_000n;

/**
 * Makes the answer for an agent that waits until an operator approves it: OpAMP's "not now", with the time after which to ask again.
 *
 * @param error what enrolling or renewing threw
 * @param agentId whom it answers
 * @throws the error itself, if it is anything but enrolment.approval_pending
 */
export function waitAnswer(error: unknown, agentId: string): ServerToAgent {
  if (!isTautlineError(error) || error.code !== "enrolment.approval_pending") throw error;
  const seconds = BigInt(Number(error.detail["retryAfterSeconds"]));
  return create(ServerToAgentSchema, {
    instanceUid: agentIdToBytes(agentId),
    errorResponse: create(ServerErrorResponseSchema, {
      type: ServerErrorResponseType.UNAVAILABLE,
      errorMessage: toWireText(error),
      details: {
        case: "retryInfo",
        value: { retryAfterNanoseconds: seconds * NANOSECONDS_PER_SECOND },
      },
    }),
  });
}
