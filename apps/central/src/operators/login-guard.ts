import { isIPv6 } from "node:net";

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
  const sources = createFailureCount(limits, limits.perSource, now);
  const tokens = createFailureCount(limits, limits.perToken, now);
  const proven = new Set<string>();
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
    proved: ({ remoteAddress, tokenId }) => {
      const key = `${tokenId} ${sourceOf(remoteAddress)}`;
      proven.delete(key);
      proven.add(key);
      dropOldest(proven, limits.maxRemembered);
    },
  };
}

interface FailureCount {
  waitMs(key: string): number | undefined;
  count(key: string): void;
}

function createFailureCount(
  { windowMs, maxRemembered }: LoginLimits,
  most: number,
  now: () => number,
): FailureCount {
  const failures = new Map<string, { sinceMs: number; count: number }>();
  const current = (key: string): { sinceMs: number; count: number } | undefined => {
    const known = failures.get(key);
    const ageMs = known === undefined ? Number.NaN : now() - known.sinceMs;
    // Also a clock that was set back ends a window.
    return ageMs >= 0 && ageMs < windowMs ? known : undefined;
  };
  return {
    waitMs: (key) => {
      const known = current(key);
      if (known === undefined || known.count < most) return undefined;
      return known.sinceMs + windowMs - now();
    },
    count: (key) => {
      const known = current(key) ?? { sinceMs: now(), count: 0 };
      known.count += 1;
      failures.delete(key);
      failures.set(key, known);
      dropOldest(failures, maxRemembered);
    },
  };
}

function dropOldest(memory: Map<string, unknown> | Set<string>, most: number): void {
  const [oldest] = memory.keys();
  if (memory.size > most && oldest !== undefined) memory.delete(oldest);
}

/** Who has one IPv6 address has its whole /64. */
function sourceOf(remoteAddress: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress)?.[1];
  if (mapped !== undefined) return mapped;
  const [address = ""] = remoteAddress.split("%");
  return isIPv6(address) ? networkOf(address) : address;
}

function networkOf(address: string): string {
  const [before = "", after] = address.toLowerCase().split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const zeros = after === undefined ? [] : Array<string>(8 - head.length - tail.length).fill("0");
  return [...head, ...zeros, ...tail].slice(0, 4).join(":");
}
