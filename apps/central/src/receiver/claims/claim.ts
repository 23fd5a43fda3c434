import { TELEMETRY_CLAIM_LIMITS } from "@tautline/protocol";

/** What is done where a message says it is of a service or an instance that its sender may not claim. */
export const CLAIM_MODES = ["off", "log", "refuse"] as const;

/** One of them; `off`: nobody looks. */
export type ClaimMode = (typeof CLAIM_MODES)[number];

/** Who a message says it is from. */
export interface Claim {
  readonly kind: "service" | "instance";
  /** As it came; of OpenTelemetry with a namespace of its own, "NAMESPACE/NAME". */
  readonly text: string;
}

/** What the messages of one call were found to claim, or why that cannot be known. */
export type FoundClaims =
  | {
      readonly claims: readonly Claim[];
      /** Of the library that sent it, where the message tells. */
      readonly version: string | undefined;
    }
  | { readonly unreadable: string };

/** What somebody may claim; names, or beginnings of names with a star behind. */
export interface Allowance {
  readonly services: readonly string[];
  /** None: any instance. */
  readonly instances: readonly string[];
}

/** And whose list it is. */
export interface HeldAllowance extends Allowance {
  readonly claimant: string;
}

/** How much is looked at, by the names of `TELEMETRY_CLAIM_LIMITS`. */
export const CLAIM_LIMITS = Object.fromEntries(
  Object.entries(TELEMETRY_CLAIM_LIMITS).map(([name, { value }]) => [name, value]),
) as Readonly<Record<keyof typeof TELEMETRY_CLAIM_LIMITS, number>>;
