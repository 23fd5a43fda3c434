/** How an agent stands to the addresses last offered to it. */
export type AddressStatus = "unset" | "offered" | "applied" | "failed";

/** What is known when addresses might be offered; times in milliseconds since the epoch, hashes lower-case hex. */
export interface AddressOfferState {
  readonly wantedHash: string;
  /** When an operator set them last, also to the same value. */
  readonly wantedSinceMs: number;
  readonly offeredHash: string | null;
  readonly status: AddressStatus;
  /** Of the status. */
  readonly atMs: number;
  readonly nowMs: number;
}

/** An offer without any word of it by then may have been lost. */
export const OFFER_LOST_AFTER_MS = 10 * 60_000;
/** New addresses that failed may work later: a name or a route takes its time. */
export const FAILED_AGAIN_AFTER_MS = 60 * 60_000;

/**
 * Decides whether to offer an agent central's addresses now. What failed is offered again after an hour, or as soon as an operator
 * sets them again; never in answer to its failure.
 *
 * @param state what is known
 */
export function shouldOfferAddresses(state: AddressOfferState): boolean {
  const { wantedHash, wantedSinceMs, offeredHash, status, atMs, nowMs } = state;
  if (offeredHash !== wantedHash || status === "unset") return true;
  if (status === "applied") return false;
  const ageMs = nowMs - atMs;
  // A clock that was set back must not silence central for as long as it was set back.
  if (ageMs < 0) return true;
  if (status === "failed" && wantedSinceMs > atMs) return true;
  return ageMs >= (status === "failed" ? FAILED_AGAIN_AFTER_MS : OFFER_LOST_AFTER_MS);
}
