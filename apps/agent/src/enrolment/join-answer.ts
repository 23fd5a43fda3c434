import type { TautlineError } from "@tautline/protocol";

/** What a failed request for an identity means for the join. */
export type JoinAnswer =
  /** An operator decides; central asks to be asked again after this wait. */
  | { readonly kind: "pending"; readonly waitMs: number }
  | { readonly kind: "declined" }
  /** Anything else: a refusal, or nobody answered. */
  | { readonly kind: "failed" };

const SHORTEST_WAIT_MS = 1_000;

/**
 * Reads what central said to a request for an identity that it did not grant. Only a central that proved the pinned root is heard.
 *
 * @param error why there was no grant
 */
export function readJoinAnswer({ code, detail }: TautlineError): JoinAnswer {
  const said = detail["code"];
  if (code === "agent.central_unavailable" && said === "enrolment.approval_pending") {
    const seconds = Number(detail["retryAfterSeconds"] ?? 0);
    return { kind: "pending", waitMs: Math.max(SHORTEST_WAIT_MS, seconds * 1_000) };
  }
  if (code === "agent.refused" && said === "enrolment.declined") return { kind: "declined" };
  return { kind: "failed" };
}
