import type { TautlineError } from "@tautline/protocol";

const PASSING = new Set([
  "agent.central_silent",
  "agent.central_unavailable",
  "agent.link_closed",
  "link.broken",
  "link.handshake_cut",
  "link.timeout",
  "link.unreachable",
]);

/**
 * Tells whether a failed join may go better by itself in a moment: nobody answered, or central said "not now". A refusal of
 * the token, the request or the other end's proof will not.
 *
 * @param error why one address failed
 */
export function shouldRetryJoin(error: TautlineError): boolean {
  if (error.code !== "link.refused") return PASSING.has(error.code);
  const status = Number(error.detail["status"]);
  return status === 429 || status >= 500;
}
