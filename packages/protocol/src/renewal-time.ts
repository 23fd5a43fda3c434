/** The middle of an identity's life: time enough to be told twice before its end. */
const HALF = 0.5;
/** Spreads the renewals of agents that joined in the same second (F10). */
const JITTER = 0.1;
/** No renewal is planned later than at this share of a life; the rest of it is for trying again. */
export const LATEST_RENEWAL_SHARE: number = HALF * (1 + JITTER);

/** One identity's life, as its holder's clock sees it. */
export interface IdentityLife {
  /** When it was granted. Not the certificate's own beginning, which lies a little earlier for clocks that are behind. */
  readonly grantedMs: number;
  /** The certificate's end. */
  readonly endsMs: number;
}

/**
 * Plans when an identity is renewed: at half of its life, give or take a tenth of that.
 *
 * @param life in milliseconds since 1970-01-01T00:00:00Z; one that has ended already is renewed at once
 * @param random uniform in [0, 1)
 * @returns milliseconds since 1970-01-01T00:00:00Z
 */
export function planRenewal({ grantedMs, endsMs }: IdentityLife, random: () => number): number {
  const lifeMs = Math.max(0, endsMs - grantedMs);
  return Math.floor(grantedMs + lifeMs * HALF * (1 + JITTER * (2 * random() - 1)));
}
