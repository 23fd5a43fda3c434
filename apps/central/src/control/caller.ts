import type { LinkEvidence, PeerOffer, TautlineError } from "@tautline/protocol";
import type { LiveKey } from "../keys/key-ring.ts";
import type { AgentRow, TokenRow } from "../store/schema.ts";

/** An agent that proved the key of its recorded certificate, in the handshake or by a proof on the link. */
export interface AgentCaller {
  readonly kind: "agent";
  readonly agent: AgentRow;
  /** When its certificate ends; milliseconds since the epoch. */
  readonly expiresAtMs: number;
  /** Its clock minus central's, if it said; milliseconds. */
  readonly clockOffsetMs?: number | undefined;
  /** What it said of itself, if it did; a claim. */
  readonly offer?: PeerOffer | undefined;
  readonly evidence: LinkEvidence;
  readonly remoteAddress: string;
}

/** Somebody who holds a join token and nothing else yet. */
export interface TokenCaller {
  readonly kind: "token";
  readonly token: TokenRow;
  readonly evidence: LinkEvidence;
  readonly remoteAddress: string;
}

/** An agent that proved the key of its recorded certificate after that certificate's end: it may renew and nothing else. */
export interface LapsedCaller {
  readonly kind: "lapsed";
  readonly agentId: string;
  /** Of the certificate, lower-case hex. */
  readonly serial: string;
  readonly expiredAtMs: number;
  /** Longer ago than central renews by itself. */
  readonly isLate: boolean;
  /** Level `tls`, client not proven: an expired certificate proves nobody (decision 0008). */
  readonly evidence: LinkEvidence;
  readonly remoteAddress: string;
}

/** Somebody without an identity, at a level where that is accepted: whatever it says to be is a claim. */
export interface ClaimCaller {
  readonly kind: "claim";
  /** The version of a shared key that it proved to hold. */
  readonly key?: LiveKey | undefined;
  /** Why it gets no link: a re-opening lets it be told where it can join, and nothing else. Undefined where it may have one. */
  readonly refusal?: TautlineError | undefined;
  /** What it said of itself, if it did; a claim too. */
  readonly offer?: PeerOffer | undefined;
  readonly evidence: LinkEvidence;
  readonly remoteAddress: string;
}

/** Who is at the other end of a control link. */
export type Caller = AgentCaller | TokenCaller | LapsedCaller | ClaimCaller;
