import type { X509Certificate } from "node:crypto";
import { isTautlineError, type TautlineError } from "@tautline/protocol";
import { type CertificateFacts, readFacts } from "./certificate-facts.ts";
import { chainError, type ChainPath } from "./chain-question.ts";
import { findKeyWeakness } from "./key-strength.ts";
import { createRecentValues } from "./recent-values.ts";

/** Leaf, two intermediates, a cross-certificate during rotation, root. */
const MAX_PATH = 5;
/** What a peer may send, and what may be trusted here. */
const MAX_CERTIFICATES = 16;
/** Authorities that certify each other make paths without number; an honest chain takes three checks. */
const MAX_SIGNATURE_CHECKS = 64;

/** The certificates among which a path is sought. */
export interface ChainPool {
  readonly leaf: X509Certificate;
  readonly intermediates: readonly X509Certificate[];
  readonly roots: readonly X509Certificate[];
}

/** Finds the paths from a leaf to the roots, and remembers why others ended early. */
export class PathSearch {
  readonly #leaf: CertificateFacts;
  readonly #roots: ReadonlySet<CertificateFacts>;
  readonly #issuers: readonly CertificateFacts[];
  readonly #ends: TautlineError[] = [];
  #checksLeft = MAX_SIGNATURE_CHECKS;

  /**
   * @param pool bounded in number; an intermediate that cannot be read is passed over
   * @throws pki.chain_too_long, pki.chain_malformed when the leaf or a root cannot be read
   */
  constructor({ leaf, intermediates, roots }: ChainPool) {
    if (intermediates.length >= MAX_CERTIFICATES || roots.length > MAX_CERTIFICATES) {
      const reason = `more than ${MAX_CERTIFICATES} certificates`;
      throw chainError("pki.chain_too_long", leaf, { reason });
    }
    this.#leaf = readOrRefuse(leaf);
    const trusted = unique(roots).map(readOrRefuse);
    this.#roots = new Set(trusted);
    this.#issuers = [
      ...trusted,
      ...unique(intermediates).flatMap((each) => this.#readOrSkip(each)),
    ];
  }

  /** Yields each path whose signatures are right, those that reach a root soonest first; bounded in length and number. */
  *paths(): Generator<ChainPath, void> {
    yield* this.#extend([], this.#leaf);
  }

  /** Tells why no path was found. */
  explain(): TautlineError {
    const order = ["pki.chain_bad_signature", "pki.chain_too_long", "pki.chain_weak_key"];
    const found = order.map((code) => this.#ends.find((each) => each.code === code));
    const [first] = this.#ends;
    return found.find(Boolean) ?? first ?? chainError("pki.chain_untrusted", this.#leaf);
  }

  *#extend(
    authorities: readonly CertificateFacts[],
    last: CertificateFacts,
  ): Generator<ChainPath, void> {
    for (const issuer of this.#issuers) {
      const isRepeated = authorities.includes(issuer) || sameCertificate(issuer, this.#leaf);
      if (issuer.subject !== last.issuer || isRepeated) continue;
      const end = this.#findEnd(authorities, last, issuer);
      if (end !== undefined) {
        this.#ends.push(end);
        continue;
      }
      const longer = [...authorities, issuer];
      if (this.#roots.has(issuer)) yield { leaf: this.#leaf, authorities: longer };
      else yield* this.#extend(longer, issuer);
    }
  }

  #findEnd(
    authorities: readonly CertificateFacts[],
    last: CertificateFacts,
    issuer: CertificateFacts,
  ): TautlineError | undefined {
    if (authorities.length + 2 > MAX_PATH) {
      const reason = `more than ${MAX_PATH} certificates in one path`;
      return chainError("pki.chain_too_long", this.#leaf, { reason });
    }
    // Before its signature is checked: the check takes the longer the larger the key is.
    const weakness = findKeyWeakness(issuer.publicKey);
    if (weakness !== undefined) {
      return chainError("pki.chain_weak_key", issuer, { reason: weakness });
    }
    if (this.#checksLeft === 0) {
      return chainError("pki.chain_too_long", this.#leaf, { reason: "too many possible paths" });
    }
    this.#checksLeft -= 1;
    return isSignedBy(last, issuer) ? undefined : chainError("pki.chain_bad_signature", last);
  }

  #readOrSkip(certificate: X509Certificate): CertificateFacts[] {
    try {
      return [readOrRefuse(certificate)];
    } catch (error) {
      if (!isTautlineError(error)) throw error;
      this.#ends.push(error);
      return [];
    }
  }
}

/** A right signature stays right: only such are remembered, by the SHA-256 of the certificate and of the key. */
const REMEMBERED = 64;
const rightSignatures = createRecentValues<true>(REMEMBERED);

function isSignedBy(last: CertificateFacts, issuer: CertificateFacts): boolean {
  const key = `${last.certificate.fingerprint256} ${issuer.pin}`;
  if (rightSignatures.get(key) === true) return true;
  const isRight = last.certificate.verify(issuer.publicKey);
  if (isRight) rightSignatures.set(key, true);
  return isRight;
}

/**
 * Reads a certificate that is to be judged.
 *
 * @throws pki.chain_malformed
 */
export function readOrRefuse(certificate: X509Certificate): CertificateFacts {
  try {
    return readFacts(certificate);
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    throw chainError("pki.chain_malformed", certificate, {
      reason: error.detail["reason"] ?? error.message,
    });
  }
}

function sameCertificate(one: CertificateFacts, other: CertificateFacts): boolean {
  return one.certificate.fingerprint256 === other.certificate.fingerprint256;
}

function unique(certificates: readonly X509Certificate[]): X509Certificate[] {
  return [...new Map(certificates.map((each) => [each.fingerprint256, each])).values()];
}
