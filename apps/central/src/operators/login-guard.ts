import { createFailureCount, RecentKeys } from "../sources/failure-count.ts";
import { sourceOf } from "../sources/source-address.ts";

/** Slows down who guesses, by source address and by operator, in bounded memory and never on the disk (A20, RS-30). */
export interface LoginGuard {
  /**
   * Tells whether a login may be looked at now.
   *
   * @param attempt where it comes from, and the id of the token it claims
   * @returns undefined if it may, else how many milliseconds to wait
   */
  waitMs(attempt: LoginAttempt): number | undefined;
  /** Counts a failed login. */
  failed(attempt: LoginAttempt): void;
  /** Remembers where a right token was used: a stranger's guesses do not lock its holder out there. */
  proved(attempt: LoginAttempt): void;
}

/** One login. */
export interface LoginAttempt {
  readonly remoteAddress: string;
  readonly tokenId: string;
}

/** How many failed logins are looked at within a window, and how much is remembered. */
export interface LoginLimits {
  readonly windowMs: number;
  /** From one address (IPv6: one /64). */
  readonly perSource: number;
  /** For one token id, from all addresses where it was never right. */
  readonly perToken: number;
  /** Entries in each of the memories; the oldest are forgotten. */
  readonly maxRemembered: number;
}

/** Ten wrong logins, as consoles of this kind do it (RS-30); they are forgotten by themselves, so nobody has to reset anything. */
export const LOGIN_LIMITS: LoginLimits = {
  windowMs: 60_000,
  perSource: 10,
  perToken: 10,
  maxRemembered: 10_000,
};

/**
 * Makes the guard of the logins.
 *
 * @param now milliseconds since the epoch
 * @param limits `LOGIN_LIMITS` unless told
 */
export function createLoginGuard(
  now: () => number,
  limits: LoginLimits = LOGIN_LIMITS,
): LoginGuard {
  const sources = createFailureCount({ ...limits, most: limits.perSource }, now);
  const tokens = createFailureCount({ ...limits, most: limits.perToken }, now);
  const proven = new RecentKeys(limits.maxRemembered);
  const isProven = ({ remoteAddress, tokenId }: LoginAttempt): boolean =>
    proven.has(`${tokenId} ${sourceOf(remoteAddress)}`);
  return {
    waitMs: (attempt) => {
      // A secret of 256 bits is not guessed: whoever had it right from here may go on whatever others do.
      if (isProven(attempt)) return undefined;
      const { remoteAddress, tokenId } = attempt;
      const bySource = sources.waitMs(sourceOf(remoteAddress));
      return bySource ?? tokens.waitMs(tokenId);
    },
    failed: (attempt) => {
      sources.count(sourceOf(attempt.remoteAddress));
      tokens.count(attempt.tokenId);
    },
    proved: ({ remoteAddress, tokenId }) => proven.add(`${tokenId} ${sourceOf(remoteAddress)}`),
  };
}
