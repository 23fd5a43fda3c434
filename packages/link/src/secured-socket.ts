import type { Duplex } from "node:stream";
import type { LinkEvidence } from "@tautline/protocol";

/** A connection that is what its level promises, before any byte of ours went over it. */
export interface SecuredSocket {
  readonly socket: Duplex;
  readonly evidence: LinkEvidence;
  /** What the two ends of this very connection share and nobody else knows; undefined where there is no such thing (plaintext). */
  readonly binding?: () => Buffer | undefined;
  /** Gives the headers that prove this end's identity on this connection; left out where the handshake did, or there is none. */
  readonly prove?: (binding: Uint8Array) => Readonly<Record<string, string>>;
}
