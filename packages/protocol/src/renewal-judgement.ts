/** Numbers that an agent may pass over: each identity that was granted and never proven takes one. */
export const MOST_SKIPPED_RENEWALS = 1000n;

/** What central's record says when an agent asks for its next identity; numbers count identities, 0n is that of the join. */
export interface RenewalFacts {
  /** The number asked for. */
  readonly counter: bigint;
  /** The number of the certificate that the caller proved. */
  readonly callerCounter: bigint;
  /** The newest number granted. */
  readonly grantedCounter: bigint;
  /** The newest number under which a message was answered: its holder has dropped every older one. */
  readonly provenCounter: bigint;
  /** Whether the keys in the request are those of the newest number granted. */
  readonly hasGrantedKeys: boolean;
}

/** What a request for renewal is: a new one, the last one once more, a copy's, or one too far ahead of the record. */
export type RenewalJudgement = "next" | "repeat" | "clone" | "ahead";

/**
 * Judges a request for renewal (DESIGN "Enrolment": clones are proven by a renewal counter, not by two sockets; F25). Pure.
 *
 * One holder never goes back: it asks under its newest proven identity, with a number that it has not used for other keys. So
 * an older identity that asks, or an old number with other keys, means that there are two.
 *
 * @param facts the request and the record
 */
export function judgeRenewal(facts: RenewalFacts): RenewalJudgement {
  const { counter, callerCounter, grantedCounter, provenCounter, hasGrantedKeys } = facts;
  // Both requests prove their keys: whoever holds those of the newest identity may have its answer again (F3).
  if (counter === grantedCounter && hasGrantedKeys) return "repeat";
  if (callerCounter < provenCounter) return "clone";
  if (counter <= grantedCounter) return "clone";
  return counter > grantedCounter + MOST_SKIPPED_RENEWALS ? "ahead" : "next";
}
