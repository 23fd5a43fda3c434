/** How many failures are looked at within a window, and how much is remembered. */
export interface FailureLimits {
  readonly windowMs: number;
  /** Of one key within a window. */
  readonly most: number;
  /** Keys; the oldest are forgotten. */
  readonly maxRemembered: number;
}

/** Counts failures by key (a source, a token), in bounded memory and never on the disk (A20). */
export interface FailureCount {
  /** Milliseconds until the key's window ends, where it has failed too often; else undefined. */
  waitMs(key: string): number | undefined;
  /** Counts one. */
  count(key: string): void;
}

/**
 * Makes the empty count. A window begins with the first failure and is forgotten by itself, so nobody has to reset anything.
 *
 * @param limits how many in which time
 * @param now milliseconds since the epoch
 */
export function createFailureCount(limits: FailureLimits, now: () => number): FailureCount {
  const { windowMs, most, maxRemembered } = limits;
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

/** Keys in the order of their last use; beyond so many the oldest is forgotten. */
export class RecentKeys {
  readonly #keys = new Set<string>();
  readonly #most: number;

  /** @param most how many are remembered */
  constructor(most: number) {
    this.#most = most;
  }

  /** Remembers a key as the newest. */
  add(key: string): void {
    this.#keys.delete(key);
    this.#keys.add(key);
    dropOldest(this.#keys, this.#most);
  }

  /** Whether a key is remembered. */
  has(key: string): boolean {
    return this.#keys.has(key);
  }
}

function dropOldest(memory: Map<string, unknown> | Set<string>, most: number): void {
  const [oldest] = memory.keys();
  if (memory.size > most && oldest !== undefined) memory.delete(oldest);
}
