/** Gives the waiting time before each next attempt. */
export interface Backoff {
  /** @returns milliseconds to wait now, before dialling again */
  next(): number;
  /** Call after success only, that is after the first answer (DESIGN section 6, promise 4). */
  reset(): void;
}

/** How waiting grows; the defaults are OpAMP's reference client's: 0.5 s, × 1.5, ±50 %, at most 60 s. */
export interface BackoffOptions {
  readonly firstMs?: number;
  readonly factor?: number;
  /** No wait is longer, jitter included. */
  readonly capMs?: number;
  /** Part of a wait that chance decides: 0.5 spreads it from half to one and a half. */
  readonly jitter?: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * Makes an exponential backoff with jitter.
 *
 * Jitter spreads the longest wait too: were it cut at the cap instead, a third of a large fleet would come back in one instant.
 */
export function createBackoff(options: BackoffOptions): Backoff {
  const { firstMs = 500, factor = 1.5, capMs = 60_000, jitter = 0.5, random } = options;
  const longest = capMs / (1 + jitter);
  let middle = Math.min(firstMs, longest);
  return {
    next: () => {
      const wait = middle * (1 + jitter * (2 * random() - 1));
      middle = Math.min(middle * factor, longest);
      return Math.round(wait);
    },
    reset: () => {
      middle = Math.min(firstMs, longest);
    },
  };
}
