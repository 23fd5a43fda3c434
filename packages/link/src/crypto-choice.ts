import { createSecureContext } from "node:tls";
import { TautlineError } from "@tautline/protocol";

/** Key-exchange groups that a setting may name, post-quantum ones first; the names are OpenSSL's. */
export const KEY_EXCHANGE_GROUPS = [
  "X25519MLKEM768",
  "SecP256r1MLKEM768",
  "SecP384r1MLKEM1024",
  "MLKEM1024",
  "MLKEM768",
  "X25519",
  "P-256",
  "P-384",
] as const;
/** One of them. */
export type KeyExchangeGroup = (typeof KEY_EXCHANGE_GROUPS)[number];

/** Suites of TLS 1.3 that a setting may name. */
export const TLS13_SUITES = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
] as const;
/** One of them. */
export type Tls13Suite = (typeof TLS13_SUITES)[number];

/** Which cryptography a link may use; what is left out is the default, best first. */
export interface CryptoChoice {
  /** In the order in which an accepting end prefers them. */
  readonly groups?: readonly KeyExchangeGroup[] | undefined;
  /** Of the levels tls and mtls; `advanced` has one suite that an external key fits. */
  readonly suites?: readonly Tls13Suite[] | undefined;
}

const POST_QUANTUM: ReadonlySet<string> = new Set(
  KEY_EXCHANGE_GROUPS.filter((group) => group.includes("MLKEM")),
);

/**
 * Preferred groups first. The slash parts preference classes: a client that can X25519MLKEM768 but guessed X25519 is asked again
 * (HelloRetryRequest) instead of being given the weaker group to save a round trip.
 */
const HYBRID_GROUPS = "X25519MLKEM768/X25519:P-256";
/** For an OpenSSL before 3.5 (Node 22), which has no ML-KEM; evidence then shows `pq: false`. */
const CLASSIC_GROUPS = "X25519:P-256";

let supportedGroups: string | undefined;

/**
 * Tells whether a key exchange withstands a quantum computer: a hybrid with ML-KEM, or ML-KEM alone (FIPS 203).
 *
 * @param group as evidence names it; undefined where it is not known
 */
export function isPostQuantumGroup(group: string | undefined): boolean {
  return group !== undefined && POST_QUANTUM.has(group);
}

/**
 * The key-exchange groups of an end in OpenSSL's list form, best first. Without a choice: the hybrid one where this Node can do it, then
 * classical ones.
 *
 * @param choice groups, each a class of its own: what stands first is asked for again rather than passed over
 */
export function groups(choice: CryptoChoice = {}): string {
  if (choice.groups !== undefined) return choice.groups.join("/");
  supportedGroups ??= canUse(HYBRID_GROUPS) ? HYBRID_GROUPS : CLASSIC_GROUPS;
  return supportedGroups;
}

/**
 * The TLS 1.3 suites of an end in OpenSSL's list form, best first.
 *
 * @param choice suites
 */
export function suites({ suites: chosen = TLS13_SUITES }: CryptoChoice = {}): string {
  return chosen.join(":");
}

/**
 * Whether a choice still lets a link be opened without ML-KEM, as TLS 1.2 does.
 *
 * @param choice groups
 */
export function allowsClassical({ groups: chosen }: CryptoChoice = {}): boolean {
  return chosen === undefined || chosen.some((group) => !isPostQuantumGroup(group));
}

/**
 * Refuses a choice that this Node cannot carry out, before anything listens or dials with it.
 *
 * @param choice from a settings file
 * @throws link.crypto_unsupported
 */
export function requireUsable(choice: CryptoChoice): void {
  const impossible = (choice.groups ?? []).filter((group) => !canUse(group));
  if (impossible.length === 0) return;
  throw new TautlineError("link.crypto_unsupported", {
    detail: { groups: impossible.join(", "), openssl: process.versions.openssl ?? "unknown" },
  });
}

function canUse(ecdhCurve: string): boolean {
  try {
    createSecureContext({ ecdhCurve });
    return true;
  } catch {
    return false;
  }
}
