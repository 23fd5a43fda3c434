import { type LinkPolicy, type Level, TautlineError } from "@tautline/protocol";
import { judgeCall } from "./call-rule.ts";
import type { ReceiverDoor, ShownToken } from "./caller.ts";
import type { LiveReceiverLink } from "./link-table.ts";
import type { ReceiverBook } from "./receiver-book.ts";

/** By what links are judged, as it is now. */
export interface StandingFacts {
  readonly book: Pick<ReceiverBook, "backends" | "judgeAgain">;
  readonly accepted: (door: ReceiverDoor) => readonly Level[];
  readonly policyOf: (namespace: string) => LinkPolicy;
  /** Whether a version of a shared key is still live. */
  readonly isKeyLive: (keyId: string) => boolean;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * Tells whether time alone may have ended something of a link: nobody says so when it does.
 *
 * @param link that is carried
 * @param nowMs milliseconds since 1970
 */
export function mayHaveEnded(
  {
    certificateEndsMs: endsMs,
    identity,
    uses,
  }: Pick<LiveReceiverLink, "certificateEndsMs" | "identity" | "uses">,
  nowMs: number,
): boolean {
  // Shared keys are followed by others; whether they live is asked each time.
  if (identity.kind === "key" || (endsMs !== undefined && nowMs >= endsMs)) return true;
  for (const { token } of uses.values()) {
    if (token.kind === "proven" && nowMs >= token.client.expiresAtMs) return true;
  }
  return false;
}

/**
 * Judges a link again by what holds now: its certificate or key, and the tokens, backends, levels and policies of the calls that it has
 * carried.
 *
 * @param facts that hold now
 * @param link that is carried
 * @returns why it has to end, or undefined
 */
export function judgeStanding(
  facts: StandingFacts,
  link: Pick<
    LiveReceiverLink,
    "certificateEndsMs" | "identity" | "uses" | "evidence" | "door" | "remoteAddress"
  >,
): TautlineError | undefined {
  const { certificateEndsMs: endsMs, identity, door } = link;
  if (endsMs !== undefined && facts.nowMs >= endsMs) {
    const expiredAt = new Date(endsMs).toISOString();
    return new TautlineError("admission.certificate_expired", { detail: { expiredAt } });
  }
  const { keyId } = link.evidence;
  if (identity.kind === "key" && keyId !== null && !facts.isKeyLive(keyId)) {
    return new TautlineError("keys.ended", { detail: { identity: keyId } });
  }
  const backends = facts.book.backends();
  for (const { backend, token } of link.uses.values()) {
    const demands = backends.find(({ name }) => name === backend);
    // Calls of a backend that is gone end with its own connections.
    if (demands === undefined) continue;
    const now = tokenNow(facts, token);
    const { policyOf } = facts;
    const refusal = judgeCall({
      link,
      token: now,
      demands,
      accepted: facts.accepted(door),
      policyOf,
    });
    if (refusal !== undefined) return refusal.error;
  }
  return undefined;
}

function tokenNow({ book }: Pick<StandingFacts, "book">, token: ShownToken): ShownToken {
  if (token.kind !== "proven") return token;
  const error = book.judgeAgain(token.client);
  return error === undefined ? token : { kind: "refused", error };
}
