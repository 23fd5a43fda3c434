import type { Level, LinkPolicy, Upgrade } from "@tautline/protocol";
import type { AgentState } from "../store/schema.ts";
import type { PolicyKind } from "./policy-kind.ts";

/** What becomes of an agent under the wanted policy, from the best to the worst (DESIGN "Policy"). */
export const VERDICTS = ["stays", "moves", "unknown", "cut off"] as const;

/** One of the verdicts. */
export type Verdict = (typeof VERDICTS)[number];

/** Every reason of a verdict; docs/reference/policy.md lists them. */
export const PLAN_REASONS = {
  meets_policy: "stays",
  moved_before: "stays",
  loopback_kept: "stays",
  climbs: "moves",
  mixed: "moves",
  post_quantum_seen: "moves",
  not_seen: "unknown",
  only_refused: "unknown",
  kept_out: "unknown",
  no_identity: "cut off",
  mixed_no_identity: "cut off",
  version_too_old: "cut off",
  instruction_not_allowed: "cut off",
  no_post_quantum: "cut off",
  no_key: "cut off",
  no_higher_level: "cut off",
} as const satisfies Readonly<Record<string, Verdict>>;

/** One of the reasons. */
export type PlanReason = keyof typeof PLAN_REASONS;

/** What one component's links of one kind and evidence were, in the period that is looked at; times are milliseconds since the epoch. */
export interface SeenLinks {
  readonly kind: PolicyKind;
  readonly component: string;
  readonly level: Level;
  readonly pq: boolean;
  readonly clientProven: boolean;
  /** Key-exchange group, such as "X25519MLKEM768". */
  readonly group: string | null;
  /** Why it was refused; empty for links that were taken. */
  readonly code: string;
  /** Links opened, or attempts refused. */
  readonly links: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Where the agent was at `lastMs`. */
  readonly address: string;
  /** It is linked like this now. */
  readonly isLive: boolean;
}

/** What is known of one agent. */
export interface AgentFacts {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly state: AgentState;
  readonly version: string;
  /** As it said, `remote` where it said nothing. */
  readonly upgrade: Upgrade;
  /** Kinds of signed instruction that it carries out, as it said; undefined where its version says none. */
  readonly instructions: readonly string[] | undefined;
  readonly links: readonly SeenLinks[];
}

/** What is asked: would these links be good enough? */
export interface Wanted {
  /** Undefined: every one. */
  readonly namespace: string | undefined;
  readonly kinds: readonly PolicyKind[];
  readonly policy: LinkPolicy;
}

/** What becomes of one component's links of one kind. */
export interface PlannedPart {
  readonly kind: PolicyKind;
  readonly component: string;
  readonly verdict: Verdict;
  readonly reason: PlanReason;
  /** Of its latest link, as the four that follow; null where it had none. */
  readonly level: Level | null;
  readonly group: string | null;
  readonly lastMs: number | null;
  /** Empty where it had no link. */
  readonly address: string;
  readonly isLive: boolean;
  /** Links of the period that the wanted policy would have refused. */
  readonly wouldRefuse: number;
  /** The level that an instruction takes it to; null where none is needed or would help. */
  readonly moveTo: Level | null;
}

/** What becomes of one agent: the worst of what becomes of its parts. */
export interface PlannedAgent {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly state: AgentState;
  readonly verdict: Verdict;
  readonly reason: PlanReason;
  /** What to do, for people; empty where there is nothing to do. */
  readonly remedy: string;
  readonly upgrade: Upgrade;
  /** Empty where no link of a wanted kind was seen. */
  readonly parts: readonly PlannedPart[];
}

/** The answer to "may I switch this off now?". */
export interface Plan {
  /** In the order in which their facts came. */
  readonly agents: readonly PlannedAgent[];
  readonly totals: Readonly<Record<Verdict, number>>;
  readonly wanted: LinkPolicy;
  /** Begin of the period that was looked at, milliseconds since the epoch. */
  readonly sinceMs: number;
}
