import type { CertificateMark, ForeignPeer } from "@tautline/link";
import type { LinkEvidence, TautlineError } from "@tautline/protocol";

/** Who is at the other end of a receiver's link, as the link itself proved it. */
export type LinkIdentity =
  | {
      readonly kind: "agent";
      readonly id: string;
      readonly namespace: string;
      readonly spiffeId: string;
    }
  /** A client of an existing PKI: its key is proven, and it has no namespace here. */
  | { readonly kind: "foreign"; readonly peer: ForeignPeer }
  /** A program with a certificate that central issued for it. */
  | {
      readonly kind: "program";
      /** The first of the names in the certificate. */
      readonly name: string;
      /** Empty where it belongs to none. */
      readonly namespace: string;
      /** Lower-case hex. */
      readonly serial: string;
    }
  /** Whoever holds a shared key. */
  | { readonly kind: "key"; readonly name: string; readonly namespace: string }
  | { readonly kind: "nobody" };

/** By which door a link came in. */
export type ReceiverDoor = "receiver" | "receiver-plaintext" | "agents" | "edge";

/** What is known of a receiver's link before its first call. */
export interface ReceiverLink {
  readonly door: ReceiverDoor;
  readonly evidence: LinkEvidence;
  /** Without a port. */
  readonly remoteAddress: string;
  readonly identity: LinkIdentity;
  /** When the certificate that proved it ends; milliseconds since 1970. */
  readonly certificateEndsMs: number | undefined;
  readonly mark: CertificateMark | undefined;
}

/** A client that was proven by its token. */
export interface ProvenClient {
  readonly name: string;
  readonly namespace: string;
  readonly tokenId: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** What became of the token that a call shows. */
export type ShownToken =
  | { readonly kind: "none" }
  | { readonly kind: "proven"; readonly client: ProvenClient }
  | { readonly kind: "refused"; readonly error: TautlineError };

/** The namespace that a call counts to: that of its token, else that of its link; undefined where neither has one. */
export function namespaceOfCall(identity: LinkIdentity, token: ShownToken): string | undefined {
  if (token.kind === "proven") return token.client.namespace;
  if (identity.kind === "foreign" || identity.kind === "nobody") return undefined;
  return identity.namespace === "" ? undefined : identity.namespace;
}
