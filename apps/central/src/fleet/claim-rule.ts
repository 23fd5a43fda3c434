import { TautlineError } from "@tautline/protocol";
import type { LiveKey } from "../keys/key-ring.ts";
import type { AgentState } from "../store/schema.ts";
import { DEFAULT_NAMESPACE } from "./namespace-store.ts";

/** States of agents that nobody proved to be: `keyed` came over a shared key that was given to it alone. */
export const CLAIM_STATES = ["unproven", "keyed"] as const;
/** One of them. */
export type ClaimState = (typeof CLAIM_STATES)[number];

/** The bounds of agents without an identity: anybody may claim to be one where their level is accepted. */
export const CLAIM_LIMITS = {
  /** Of one namespace; a row takes a kilobyte or a few. */
  agentsPerNamespace: 10_000,
  /** New ones of one source (IPv6: one /64) within the window: a site behind one address comes in within the hour. */
  newOfSource: 200,
  windowMs: 10 * 60_000,
} as const;

/** Whether a state is one of an agent that nobody proved to be. */
export function isClaimState(state: string): state is ClaimState {
  return (CLAIM_STATES as readonly string[]).includes(state);
}

/** The key a claim came over, as far as it decides. */
export type ClaimKey = Pick<LiveKey, "namespace" | "agentId">;

/** What a claim is judged by. */
export interface ClaimFacts {
  readonly id: string;
  /** Undefined at levels without one. */
  readonly key: ClaimKey | undefined;
  /** What central knows of the id. */
  readonly recorded:
    | { readonly state: AgentState | "deleted"; readonly namespace: string }
    | undefined;
}

/** As what a claim is recorded. */
export interface ClaimStanding {
  readonly state: ClaimState;
  readonly namespace: string;
}

/**
 * Where an agent without an identity belongs: to the namespace of its key, else to the first one.
 *
 * @param key it came over
 */
export function namespaceOfClaim(key: ClaimKey | undefined): string {
  return key?.namespace ?? DEFAULT_NAMESPACE;
}

/**
 * Decides whether somebody without an identity may be seen under an id (a claim never takes the place of an agent that has, or had,
 * an identity; nor that of another's key or namespace). Pure.
 *
 * @param facts the claim and the record
 * @returns as what it is recorded, or the refusal
 */
export function judgeClaim({ id, key, recorded }: ClaimFacts): ClaimStanding | TautlineError {
  const detail = { id };
  if (key?.agentId !== undefined && key.agentId !== id) {
    return new TautlineError("admission.key_not_yours", { detail });
  }
  const isKeyed = key?.agentId === id;
  const namespace = namespaceOfClaim(key);
  if (recorded !== undefined) {
    if (!isClaimState(recorded.state))
      return new TautlineError("admission.id_enrolled", { detail });
    const isOther = recorded.namespace !== namespace || (recorded.state === "keyed" && !isKeyed);
    if (isOther) return new TautlineError("admission.claim_differs", { detail });
  }
  return { state: isKeyed ? "keyed" : "unproven", namespace };
}
