/** What a token of a telemetry client is worth. */
export type ClientTokenState = "good" | "expired" | "revoked";

/** What decides it; times in milliseconds since 1970. */
export interface ClientTokenFacts {
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | null;
}

/**
 * Tells what a token is worth.
 *
 * @param token its end and its revocation
 * @param nowMs milliseconds since 1970
 */
export function clientTokenState(
  { expiresAtMs, revokedAtMs }: ClientTokenFacts,
  nowMs: number,
): ClientTokenState {
  if (revokedAtMs !== null) return "revoked";
  return nowMs >= expiresAtMs ? "expired" : "good";
}

/** A token as lists show it: never its secret. */
export interface ClientTokenView {
  readonly id: string;
  readonly state: ClientTokenState;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt: string;
  /** Why it was revoked, in a few words; empty while it was not. */
  readonly why: string;
}

/** A program that sends telemetry and is known by a token. */
export interface ClientView {
  readonly name: string;
  readonly namespace: string;
  readonly createdAt: string;
  readonly createdBy: string;
  /** Those that are good, and those that ended last; the newest first. */
  readonly tokens: readonly ClientTokenView[];
}
