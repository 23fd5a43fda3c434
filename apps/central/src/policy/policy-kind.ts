/** The kinds of link that policies stand for today (DESIGN "Policy": per namespace and kind). */
export const POLICY_KINDS = ["control", "forward"] as const;

/** One of the kinds that policies stand for. */
export type PolicyKind = (typeof POLICY_KINDS)[number];
