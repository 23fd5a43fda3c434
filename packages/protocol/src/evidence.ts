import type { Level } from "./level.ts";

/** The kinds of link (DESIGN section 2). */
export const LINK_KINDS = ["control", "pull", "forward", "peer", "receiver"] as const;

/** One of the kinds of link. */
export type LinkKind = (typeof LINK_KINDS)[number];

/**
 * What one link really negotiated. `null` means "not known" or "does not apply"; nothing in it is guessed from settings.
 */
export interface LinkEvidence {
  readonly level: Level;
  /** Such as "TLSv1.3". */
  readonly protocol: string | null;
  /** Such as "TLS_AES_256_GCM_SHA384". */
  readonly cipher: string | null;
  /** Key-exchange group, such as "X25519MLKEM768". */
  readonly group: string | null;
  /** A hybrid post-quantum key exchange was used. */
  readonly pq: boolean;
  /** The accepting end proved who it is. */
  readonly serverProven: boolean;
  /** The dialling end proved who it is. */
  readonly clientProven: boolean;
  /** A key stolen later does not open what was recorded now. */
  readonly forwardSecret: boolean;
  /** SPIFFE ID of the other end. */
  readonly peerId: string | null;
  /** Serial number of the other end's certificate, lower-case hexadecimal. */
  readonly peerSerial: string | null;
  /** Name of the pre-shared key (basic, advanced). */
  readonly keyId: string | null;
  /** RFC 3339 in UTC. */
  readonly since: string;
}
