import type { EdgeReport } from "@tautline/protocol";

/**
 * Tells which losses of an edge have grown since its report before. A count that is lower than before is that of a store which was
 * begun anew: it counts from there on, and nothing is taken back.
 *
 * @param before of the report before; empty where there was none
 * @param now of the newest
 * @returns calls by reason, above 0 each
 */
export function grownLosses(
  before: EdgeReport["losses"],
  now: EdgeReport["losses"],
): ReadonlyMap<string, number> {
  const known = new Map(before.map(({ reason, calls }) => [reason, calls]));
  const grown = now.map(({ reason, calls }) => [reason, calls - (known.get(reason) ?? 0)] as const);
  return new Map(grown.filter(([, calls]) => calls > 0));
}
