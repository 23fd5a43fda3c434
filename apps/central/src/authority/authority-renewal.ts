import type { X509Certificate } from "node:crypto";

/** Lives in milliseconds. */
export interface AuthorityLives {
  readonly intermediateLifetime: number;
  /** The longest life of what it certifies. */
  readonly leafLifetime: number;
}

/**
 * Decides whether an intermediate is replaced by the next one under the same root: with a fifth of its life left, and early enough
 * that no leaf has to end before its time; never before half of its life. Where the root itself ends soon, a next one would not
 * live longer, and none is made.
 *
 * @param intermediate the one in use
 * @param root who certifies the next
 * @param nowMs milliseconds since the epoch
 * @param lives of authorities and of what they certify
 * @returns the life of the next one in milliseconds; undefined where none is due
 */
export function nextIntermediateLife(
  intermediate: Pick<X509Certificate, "validToDate">,
  root: Pick<X509Certificate, "validToDate">,
  nowMs: number,
  { intermediateLifetime, leafLifetime }: AuthorityLives,
): number | undefined {
  const endMs = intermediate.validToDate.getTime();
  const early = Math.max(intermediateLifetime / 5, 2 * leafLifetime);
  if (endMs - nowMs > Math.min(early, intermediateLifetime / 2)) return undefined;
  const lifeMs = Math.min(intermediateLifetime, root.validToDate.getTime() - nowMs);
  const gainMs = nowMs + lifeMs - endMs;
  return gainMs >= intermediateLifetime / 10 ? lifeMs : undefined;
}
