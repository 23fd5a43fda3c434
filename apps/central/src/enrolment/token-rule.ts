import { TautlineError } from "@tautline/protocol";

/** What central knows of a token, as far as the rule needs it; times are milliseconds since the epoch. */
export interface TokenFacts {
  readonly usesAllowed: number;
  readonly usesMade: number;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | null;
}

/**
 * Decides whether a token whose secret was proven may make one more identity.
 *
 * @param token the facts of the token
 * @param nowMs milliseconds since the epoch
 * @returns the refusal (enrolment.token_revoked, _expired, _used_up), or undefined if it may
 */
export function judgeToken(token: TokenFacts, nowMs: number): TautlineError | undefined {
  if (token.revokedAtMs !== null) return new TautlineError("enrolment.token_revoked");
  if (nowMs >= token.expiresAtMs) {
    const expiresAt = new Date(token.expiresAtMs).toISOString();
    return new TautlineError("enrolment.token_expired", { detail: { expiresAt } });
  }
  if (token.usesMade >= token.usesAllowed) {
    return new TautlineError("enrolment.token_used_up", { detail: { uses: token.usesAllowed } });
  }
  return undefined;
}

/** A token's state as lists show it. */
export type TokenState = "open" | "used up" | "expired" | "revoked";

/**
 * Names a token's state for people.
 *
 * @param token the facts of the token
 * @param nowMs milliseconds since the epoch
 */
export function tokenState(token: TokenFacts, nowMs: number): TokenState {
  switch (judgeToken(token, nowMs)?.code) {
    case "enrolment.token_revoked":
      return "revoked";
    case "enrolment.token_expired":
      return "expired";
    case "enrolment.token_used_up":
      return "used up";
    default:
      return "open";
  }
}
