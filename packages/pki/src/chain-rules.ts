import { KeyUsageFlags } from "@peculiar/asn1-x509";
import type { TautlineError } from "@tautline/protocol";
import type { CertificateFacts } from "./certificate-facts.ts";
import { findWrongName } from "./chain-names.ts";
import { chainError, type ChainPath, type ChainQuestion } from "./chain-question.ts";
import { PURPOSE_OIDS } from "./extension-writer.ts";
import { findKeyWeakness } from "./key-strength.ts";
import { findForbiddenName } from "./name-constraints.ts";

/** Looks at a whole path and gives the error of the first certificate that breaks the rule. */
export type ChainRule = (path: ChainPath, question: ChainQuestion) => TautlineError | undefined;

/**
 * The rules of a path (RFC 5280 section 6.1, stricter where noted), in the order in which they are judged. Time comes last and the
 * leaf's expiry at the very end: so pki.chain_expired says that nothing else is wrong, which renewal after expiry relies on.
 */
export const CHAIN_RULES: readonly ChainRule[] = [
  findUnknownExtension,
  findWeakness,
  findNoAuthority,
  findPathLength,
  findNameOutsideLimits,
  findWrongPurpose,
  ({ leaf }, { expect }) => findWrongName(leaf, expect ?? {}),
  findRevoked,
  findNotYetValid,
  findExpiredAuthority,
  findExpiredLeaf,
];

function findUnknownExtension({ leaf, authorities }: ChainPath): TautlineError | undefined {
  const at = [leaf, ...authorities].find((each) => each.unknownCritical !== undefined);
  if (at?.unknownCritical === undefined) return undefined;
  return chainError("pki.chain_unknown_critical_extension", at, { oid: at.unknownCritical });
}

function findWeakness({ leaf, authorities }: ChainPath): TautlineError | undefined {
  for (const at of [leaf, ...authorities]) {
    const weakness = findKeyWeakness(at.publicKey);
    // A root is trusted for its key; its own signature proves nothing and is not judged.
    const isUnsound = at !== authorities.at(-1) && !at.hasAcceptedScheme;
    const reason = weakness ?? (isUnsound ? "the algorithm of its signature" : undefined);
    if (reason !== undefined) return chainError("pki.chain_weak_key", at, { reason });
  }
  return undefined;
}

/** Stricter than RFC 5280, unless it is asked for: an authority without keyUsage may not sign certificates. */
function findNoAuthority(
  { authorities }: ChainPath,
  { rules }: ChainQuestion,
): TautlineError | undefined {
  for (const at of authorities) {
    if (!at.isAuthority) {
      return chainError("pki.chain_not_a_ca", at, { reason: "it lacks the CA bit" });
    }
    const isUnlimited = rules === "existing" && at.keyUsage === undefined;
    if (!isUnlimited && !hasUsage(at, KeyUsageFlags.keyCertSign)) {
      const reason = "its key usage does not include signing certificates";
      return chainError("pki.chain_not_a_ca", at, { reason });
    }
  }
  return undefined;
}

/** Stricter than RFC 5280: self-issued authorities count as well. */
function findPathLength({ authorities }: ChainPath): TautlineError | undefined {
  const at = authorities.find((each, below) => below > (each.pathLength ?? Infinity));
  return at === undefined ? undefined : chainError("pki.chain_path_too_long", at);
}

function findNameOutsideLimits({ leaf, authorities }: ChainPath): TautlineError | undefined {
  const below = [leaf];
  for (const at of authorities) {
    const { limits } = at;
    if (limits !== undefined) {
      const names = below.map((each) => findForbiddenName(each.names, limits));
      const name = names.find((each) => each !== undefined);
      if (name !== undefined) return chainError("pki.chain_name_not_permitted", at, { name });
    }
    below.push(at);
  }
  return undefined;
}

/** anyExtendedKeyUsage (RFC 5280 section 4.2.1.12). */
const ANY_PURPOSE = "2.5.29.37.0";

/**
 * Stricter than RFC 5280, unless it is asked for: extended key usage must be present, and "any" is none (threat A16; Node accepts
 * its absence).
 */
function findWrongPurpose(
  { leaf, authorities }: ChainPath,
  { purpose, rules }: ChainQuestion,
): TautlineError | undefined {
  const isExisting = rules === "existing";
  const wanted = PURPOSE_OIDS[purpose];
  const fits = (each: string): boolean => each === wanted || (isExisting && each === ANY_PURPOSE);
  const refuse = (at: CertificateFacts, reason: string): TautlineError =>
    chainError("pki.chain_wrong_purpose", at, { purpose, reason });
  if (leaf.isAuthority && authorities.length > 0) return refuse(leaf, "it is an authority's");
  if (leaf.purposes === undefined && !isExisting)
    return refuse(leaf, "it states no extended key usage");
  if (leaf.keyUsage !== undefined && !hasUsage(leaf, KeyUsageFlags.digitalSignature)) {
    return refuse(leaf, "its key usage does not include signing");
  }
  const at = [leaf, ...authorities].find(({ purposes }) => purposes?.some(fits) === false);
  return at === undefined ? undefined : refuse(at, "its extended key usage does not include it");
}

function findRevoked(
  { leaf, authorities }: ChainPath,
  { isRevoked }: ChainQuestion,
): TautlineError | undefined {
  if (isRevoked === undefined) return undefined;
  const path = [leaf, ...authorities];
  const at = path.find((each, index) => {
    const issuer = path[index + 1];
    return issuer !== undefined && isRevoked(issuer.pin, each.serial, each.pin);
  });
  return at === undefined ? undefined : chainError("pki.chain_revoked", at, { serial: at.serial });
}

function findNotYetValid(
  { leaf, authorities }: ChainPath,
  { at: time }: ChainQuestion,
): TautlineError | undefined {
  // Asked this way round, an invalid date is refused too.
  const at = [leaf, ...authorities].find((each) => !(time >= each.notBefore));
  if (at === undefined) return undefined;
  const notBefore = formatTime(at.notBefore);
  return chainError("pki.chain_not_yet_valid", at, { notBefore });
}

function findExpiredAuthority(
  { authorities }: ChainPath,
  { at: time }: ChainQuestion,
): TautlineError | undefined {
  const at = authorities.find((each) => !(time <= each.notAfter));
  if (at === undefined) return undefined;
  return chainError("pki.chain_issuer_expired", at, { notAfter: formatTime(at.notAfter) });
}

function findExpiredLeaf(
  { leaf }: ChainPath,
  { at: time }: ChainQuestion,
): TautlineError | undefined {
  if (time <= leaf.notAfter) return undefined;
  return chainError("pki.chain_expired", leaf, { notAfter: formatTime(leaf.notAfter) });
}

function hasUsage(facts: CertificateFacts, flag: number): boolean {
  return ((facts.keyUsage ?? 0) & flag) !== 0;
}

function formatTime(time: Date): string {
  return Number.isNaN(time.getTime()) ? "an unreadable time" : time.toISOString();
}
