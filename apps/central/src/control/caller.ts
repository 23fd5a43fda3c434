import type { LinkEvidence, PeerOffer } from "@tautline/protocol";
import type { AgentRow, TokenRow } from "../store/schema.ts";

/** An agent that proved its key by its recorded certificate. */
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

/** Who is at the other end of a control link. */
export type Caller = AgentCaller | TokenCaller | LapsedCaller;
