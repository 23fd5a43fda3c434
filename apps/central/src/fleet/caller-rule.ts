import { compareLevels, type Level } from "@tautline/protocol";

/** What a connection showed before its first message, by kind alone. */
export interface ArrivalFacts {
  readonly level: Level;
  /**
   * `proven`: by the handshake; `foreign`: that of an existing PKI, which says nothing of who is an agent here; `lapsed`: nothing spoke
   * against it but its end; `refused`: anything else did.
   */
  readonly certificate: "none" | "proven" | "foreign" | "lapsed" | "refused";
  /** An `Authorization: Bearer`, whatever is in it. */
  readonly hasToken: boolean;
  /** A `Tautline-Proof`, whatever is in it. */
  readonly hasProof: boolean;
  /** Whether callers of level tls without anything may come in as what they say to be (`agents.tlsClients`). */
  readonly tlsClients: "proven" | "any";
}

/** By which way a caller is judged further, or why it is not let in at all. */
export type ArrivalWay =
  /** By its recorded certificate. */
  | "agent"
  /** By its certificate that has ended: it may renew. */
  | "lapsed"
  /** By what was wrong with its certificate. */
  | "refused"
  /** By its token. */
  | "token"
  /** A token on a link that shows it to others: it is revoked, and refused. */
  | "exposed"
  /** By its proof of identity. */
  | "proof"
  /** What it says to be. */
  | "claim"
  | "credential-missing";

/**
 * Decides what a caller is by what its connection showed. Pure.
 *
 * A certificate comes first: what was proven, or was to be proven, in the handshake is not passed over for less. A token comes before
 * a proof, so that one on a link below tls is never overlooked. At plaintext, basic and advanced the level being accepted is the
 * consent to callers without an identity; at tls it is a setting of its own.
 *
 * @param facts of the connection
 */
export function wayOf(facts: ArrivalFacts): ArrivalWay {
  const { level, certificate, hasToken, hasProof, tlsClients } = facts;
  const isBelowTls = compareLevels(level, "tls") < 0;
  if (hasToken && isBelowTls) return "exposed";
  if (certificate === "lapsed" || certificate === "refused") return certificate;
  if (certificate === "proven" || (level === "mtls" && certificate !== "foreign")) return "agent";
  if (hasToken) return "token";
  if (hasProof) return "proof";
  // Whoever put the other PKI's authority into central's folder has let its clients in.
  if (isBelowTls || certificate === "foreign") return "claim";
  return tlsClients === "any" ? "claim" : "credential-missing";
}
