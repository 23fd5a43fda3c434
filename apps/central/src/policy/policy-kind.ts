/** The kinds of link that policies stand for today (DESIGN "Policy": per namespace and kind). */
export const POLICY_KINDS = ["control", "forward", "receiver"] as const;

/**
 * Those that a change of policy is for unless told: all of their links are agents', so a plan knows whom it would cut off. Telemetry also comes
 * from programs that are no agents.
 */
export const PLANNED_KINDS = ["control", "forward"] as const;

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
