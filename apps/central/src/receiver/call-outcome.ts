import type { CallRecord } from "@tautline/link";

/** What became of a call: answered well, answered with an error, refused by central, or broken on its way. */
export const CALL_OUTCOMES = ["ok", "error", "refused", "broken"] as const;

/** One of them. */
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

const FIRST_ERROR = 400;

/**
 * Tells what became of a call.
 *
 * @param record of a call that is over
 */
export function outcomeOf({
  failure,
  place,
  grpcStatus,
  httpStatus,
}: Pick<CallRecord, "failure" | "place" | "grpcStatus" | "httpStatus">): CallOutcome {
  if (failure !== undefined) return isRefused(failure.code, place) ? "refused" : "broken";
  if (grpcStatus !== undefined) return grpcStatus === 0 ? "ok" : "error";
  return httpStatus !== undefined && httpStatus < FIRST_ERROR ? "ok" : "error";
}

/** What lies between caller and backend, and what either did, has codes of its own; claims are read when a place has the call already. */
function isRefused(code: string, place: string | undefined): boolean {
  if (code.startsWith("receiver.claim_")) return true;
  return place === undefined && !code.startsWith("carry.");
}
