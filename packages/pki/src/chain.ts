import type { X509Certificate } from "node:crypto";
import { isTautlineError, type TautlineError } from "@tautline/protocol";
import { readFacts } from "./certificate-facts.ts";
import { readCertifiedId } from "./chain-names.ts";
import type { ChainPath, ChainQuestion } from "./chain-question.ts";
import { CHAIN_RULES } from "./chain-rules.ts";
import { type ChainPool, PathSearch, readOrRefuse } from "./path-search.ts";

/** The certificates, and what is asked about them. */
export interface VerifyChainOptions extends ChainPool, ChainQuestion {}

/** The answer of `verifyChain`. */
export type ChainVerdict =
  | {
      readonly ok: true;
      /** The leaf first, the trusted root last. */
      readonly path: readonly X509Certificate[];
      readonly spiffeId: string | null;
      /** Of the leaf, lower-case hex. */
      readonly serial: string;
    }
  | { readonly ok: false; readonly error: TautlineError };

/**
 * Verifies a chain (RFC 5280 section 6), and with it what Node leaves out: extended key usage must be present and fit, the CA bit,
 * key usage, path length, name constraints, revocation on every connection, names from the subject alternative name only.
 *
 * It reads no clock and no store, tries every issuer of the right name within bounds (16 certificates, paths of 5, 64 signature
 * checks), and explains the path that came furthest. pki.chain_expired means that only the leaf's end has passed.
 *
 * @param options leaf, intermediates, roots, the time, the purpose, whom to expect, and who knows of revocations
 * @returns the path and the leaf's name, or an error pki.chain_*; it throws only what `isRevoked` throws
 */
export function verifyChain(options: VerifyChainOptions): ChainVerdict {
  let search: PathSearch;
  try {
    search = new PathSearch(options);
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    return { ok: false, error };
  }
  let furthest: Finding | undefined;
  for (const path of search.paths()) {
    const finding = findFault(path, options);
    if (finding === undefined) return accept(path);
    if (furthest === undefined || finding.stage > furthest.stage) furthest = finding;
  }
  return { ok: false, error: furthest?.error ?? search.explain() };
}

/**
 * Judges a leaf that is trusted itself, by its key or as a whole, and not through an authority: its strength, purpose, names and
 * time, by the same rules. A self-signed certificate may then bear the CA bit, as openssl makes it.
 *
 * @param leaf the certificate; that it is trusted is the caller's decision
 * @param question as for `verifyChain`
 * @returns as `verifyChain`
 */
export function verifyTrustedLeaf(leaf: X509Certificate, question: ChainQuestion): ChainVerdict {
  try {
    const path: ChainPath = { leaf: readOrRefuse(leaf), authorities: [] };
    const error = findFault(path, question)?.error;
    return error === undefined ? accept(path) : { ok: false, error };
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    return { ok: false, error };
  }
}

/**
 * Gives the SPIFFE ID in a certificate, unproven: for showing and recording. `verifyChain` proves it.
 *
 * @param certificate any certificate
 * @returns the ID, or undefined when it has none of a form that Tautline uses
 * @throws pki.certificate_malformed
 */
export function spiffeIdOf(certificate: X509Certificate): string | undefined {
  const certified = readCertifiedId(readFacts(certificate));
  return isTautlineError(certified) ? undefined : certified?.text;
}

interface Finding {
  /** How many rules the path passed before. */
  readonly stage: number;
  readonly error: TautlineError;
}

function findFault(path: ChainPath, question: ChainQuestion): Finding | undefined {
  for (const [stage, rule] of CHAIN_RULES.entries()) {
    const error = rule(path, question);
    if (error !== undefined) return { stage, error };
  }
  return undefined;
}

function accept({ leaf, authorities }: ChainPath): ChainVerdict {
  const certified = readCertifiedId(leaf);
  return {
    ok: true,
    path: [leaf, ...authorities].map((each) => each.certificate),
    spiffeId: isTautlineError(certified) ? null : (certified?.text ?? null),
    serial: leaf.serial,
  };
}
