import type { LinkEvidence } from "@tautline/protocol";
import type { AgentRow, TokenRow } from "../store/schema.ts";

/** An agent that proved its key by its recorded certificate. */
export interface AgentCaller {
  readonly kind: "agent";
  readonly agent: AgentRow;
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

/** Who is at the other end of a control link. */
export type Caller = AgentCaller | TokenCaller;
