/** The kinds of link that policies stand for today (DESIGN "Policy": per namespace and kind). */
export const POLICY_KINDS = ["control", "forward", "receiver"] as const;

/** One of the kinds that policies stand for. */
export type PolicyKind = (typeof POLICY_KINDS)[number];

/**
 * Tells whether text names a kind of link that policies stand for.
 *
 * @param text any text
 */
export function isPolicyKind(text: string): text is PolicyKind {
  return (POLICY_KINDS as readonly string[]).includes(text);
}
