import { isTautlineError, TautlineError } from "@tautline/protocol";

/** What is said of central as a whole, and is every caller's business. */
const TOLD: ReadonlySet<string> = new Set(["central.stopping", "central.busy"]);

/**
 * What a peer is told of an error. Refusals are told as they are; what went wrong inside central (a full disk, a damaged field, a
 * mistake of ours) is its operator's business, and its sentence may name files.
 *
 * @param error anything that was thrown
 * @returns a refusal, or central.unavailable in place of what stays inside
 */
export function errorForPeer(error: unknown): TautlineError {
  const isTold = isTautlineError(error) && (error.status < 500 || TOLD.has(error.code));
  return isTold ? error : new TautlineError("central.unavailable", { cause: error });
}
