import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";

/** How long a number is good for. */
export const CHALLENGE_MS = 60_000;
const NONCE_BYTES = 32;

/** The numbers that central gives on one connection, where a level has nothing that a proof could be bound to. */
export interface ProofChallenge {
  /** Gives a new number; the one before is worth nothing any more. */
  issue(): Buffer;
  /**
   * The number for a proof: each is good for one proof on this one connection, and only once within its time. The same proof on the
   * same connection stays good: it is what that connection has proven.
   *
   * @param proof value of the header
   */
  take(proof: string): Buffer | undefined;
}

interface Given {
  readonly nonce: Buffer;
  readonly untilMs: number;
  usedBy: string | undefined;
}

const given = new WeakMap<Duplex, Given>();

/**
 * The numbers of one connection; they are forgotten with it.
 *
 * @param socket on which HTTP is served
 * @param now milliseconds since the epoch
 */
export function challengeOf(socket: Duplex, now: () => number): ProofChallenge {
  return {
    issue: () => {
      const nonce = randomBytes(NONCE_BYTES);
      given.set(socket, { nonce, untilMs: now() + CHALLENGE_MS, usedBy: undefined });
      return nonce;
    },
    take: (proof) => {
      const known = given.get(socket);
      if (known === undefined) return undefined;
      if (known.usedBy !== undefined) return known.usedBy === proof ? known.nonce : undefined;
      if (now() >= known.untilMs) return undefined;
      known.usedBy = proof;
      return known.nonce;
    },
  };
}
