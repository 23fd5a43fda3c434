import {
  isTautlineError,
  parseSpiffeId,
  type SpiffeId,
  type TautlineError,
} from "@tautline/protocol";
import type { CertificateFacts } from "./certificate-facts.ts";
import { namesIpAddress } from "./ip-address.ts";
import { chainError, type ExpectedName } from "./chain-question.ts";

/** A SPIFFE ID that a certificate holds, as text and in parts. */
export interface CertifiedId {
  readonly text: string;
  readonly id: SpiffeId;
}

/**
 * Reads the SPIFFE ID of a leaf: if it has one, that is its only URI (SPIFFE X.509-SVID section 2) and of a form that Tautline
 * uses, unnormalised (threat A13).
 *
 * @param leaf any certificate
 * @returns the ID, undefined when there is none, or the error pki.chain_wrong_name
 */
export function readCertifiedId(leaf: CertificateFacts): CertifiedId | undefined | TautlineError {
  const { uris } = leaf.names;
  const text = uris.find((each) => /^\s*spiffe:/i.test(each));
  if (text === undefined) return undefined;
  if (uris.length > 1) return wrongName(leaf, "it has a SPIFFE ID and further URIs");
  try {
    return { text, id: parseSpiffeId(text) };
  } catch (cause) {
    if (!isTautlineError(cause)) throw cause;
    return wrongName(leaf, cause.message);
  }
}

/**
 * Finds out whether a leaf names whom it should.
 *
 * @param leaf the leaf of a path
 * @param expect every field given must hold
 * @returns the error pki.chain_wrong_name, or undefined when all holds
 */
export function findWrongName(
  leaf: CertificateFacts,
  expect: ExpectedName,
): TautlineError | undefined {
  const certified = readCertifiedId(leaf);
  if (isTautlineError(certified)) return certified;
  const { dnsName, ipAddress } = expect;
  const reason = findWrongId(certified, expect);
  if (reason !== undefined) return wrongName(leaf, reason);
  if (dnsName !== undefined && !hasDnsName(leaf, dnsName)) {
    return wrongName(leaf, `it does not name the host ${dnsName}`);
  }
  if (ipAddress !== undefined && !namesIpAddress(leaf.certificate, ipAddress)) {
    return wrongName(leaf, `it does not name the address ${ipAddress}`);
  }
  return undefined;
}

function findWrongId(
  certified: CertifiedId | undefined,
  { spiffeId, kind, trustDomain }: ExpectedName,
): string | undefined {
  const found = certified?.text ?? "nobody";
  if (spiffeId !== undefined && certified?.text !== spiffeId) {
    return `it names ${found}, not ${spiffeId}`;
  }
  if (kind !== undefined && certified?.id.kind !== kind) return `it names ${found}, not ${kind}`;
  if (trustDomain !== undefined && certified?.id.trustDomain !== trustDomain) {
    return `it names ${found}, which is not of the trust domain ${trustDomain}`;
  }
  return undefined;
}

function hasDnsName(leaf: CertificateFacts, dnsName: string): boolean {
  const wanted = dnsName.toLowerCase();
  return leaf.names.dnsNames.some((each) => each.toLowerCase() === wanted);
}

function wrongName(leaf: CertificateFacts, reason: string): TautlineError {
  return chainError("pki.chain_wrong_name", leaf, { reason });
}
