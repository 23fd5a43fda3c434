/** What is known of an agent's settings when one might be offered; hashes are lower-case hex. */
export interface OfferState {
  /** What it shall run. */
  readonly wantedHash: string;
  /** Nothing is set for it. */
  readonly wantedIsEmpty: boolean;
  /** What it last reported to have been given, and how that went. */
  readonly reportedHash: string | null;
  readonly reportedStatus: "unset" | "applied" | "applying" | "failed";
  /** What this session offered it last, and how long ago, milliseconds. */
  readonly offered: { readonly hash: string; readonly ageMs: number } | undefined;
}

/** An offer that was neither applied nor refused by then may have been lost on its way (polling has no link that breaks). */
export const OFFER_AGAIN_AFTER_MS = 60_000;

/**
 * Decides whether to offer an agent its settings now; an offer is never repeated in answer to its refusal (OpAMP: no ping-pong).
 *
 * @param state what is known
 */
export function shouldOfferSettings(state: OfferState): boolean {
  const { wantedHash, reportedHash, reportedStatus, offered } = state;
  if (state.wantedIsEmpty && reportedHash === null) return false;
  if (reportedHash === wantedHash && reportedStatus === "applied") return false;
  if (offered?.hash !== wantedHash) return true;
  return reportedHash !== wantedHash && offered.ageMs >= OFFER_AGAIN_AFTER_MS;
}
