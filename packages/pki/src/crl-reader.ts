import type { KeyObject, X509Certificate } from "node:crypto";
import {
  AuthorityKeyIdentifier,
  type Extension,
  id_ce_authorityKeyIdentifier,
  id_ce_cRLNumber,
  id_ce_cRLReasons,
  KeyUsageFlags,
  TBSCertList,
  Version,
} from "@peculiar/asn1-x509";
import { TautlineError } from "@tautline/protocol";
import { readFacts } from "./certificate-facts.ts";
import { decodeDer, encodeDer } from "./der.ts";
import { findKeyWeakness } from "./key-strength.ts";
import { decodePemBlock, splitPem } from "./pem.ts";
import { canonicalSerial } from "./serial.ts";
import { decodeSigned, isSignedBy, type SignedObject } from "./signed-object.ts";

/** Some 20,000 entries of ours with reasons; more belong into several authorities' lists. */
const MAX_BYTES = 1024 * 1024;
/** A node takes two bytes at least; an entry of ours takes 50 bytes and seven nodes. */
const MAX_NODES = 160_000;
const READING = { code: "pki.crl_malformed", maxNodes: MAX_NODES } as const;
/** What may be critical: extensions that do not narrow what the list speaks about. */
const KNOWN: ReadonlySet<string> = new Set([id_ce_authorityKeyIdentifier, id_ce_cRLNumber]);
const KNOWN_IN_ENTRIES: ReadonlySet<string> = new Set([id_ce_cRLReasons]);

/** A list that was read. What it says counts only after `verify` for the issuer of the certificate in question. */
export interface RevocationList {
  /** Tells whether the serial (hex) is in the list. */
  isRevoked(serialHex: string): boolean;
  /** Tells whether the list is in the name of this authority; not whether it signed it. */
  issuerMatches(certificate: X509Certificate): boolean;
  /**
   * Returns only when the list is signed by this authority, which may sign lists, and is current at that time.
   *
   * Throws pki.crl_wrong_issuer, pki.crl_bad_signature, pki.crl_not_yet_valid, pki.crl_expired.
   */
  verify(issuer: X509Certificate, at: Date): void;
}

/**
 * Reads a complete, direct revocation list (RFC 5280 section 5) without judging it.
 *
 * Partial, indirect and delta lists are refused: they carry critical extensions, and an entry missing in them proves nothing.
 *
 * @param list DER, or one PEM block "X509 CRL"; up to 1 MiB of DER
 * @throws pki.crl_malformed, pki.pem_malformed
 */
export function readCrl(list: string | Uint8Array): RevocationList {
  const der = typeof list === "string" ? decodeLoneBlock(list) : list;
  if (der.length > MAX_BYTES) throw malformed(`it is larger than ${MAX_BYTES} bytes`);
  const signed = decodeSigned(der, { ...READING, what: "the list" });
  const content = decodeDer(signed.toBeSigned, TBSCertList, {
    ...READING,
    what: "the list's content",
  });
  if (content.version !== Version.v2) throw malformed("it is not of version 2");
  if (toHex(encodeDer(content.signature)) !== toHex(encodeDer(signed.signatureAlgorithm))) {
    throw malformed("it names two signature algorithms");
  }
  refuseUnknown(content.crlExtensions ?? [], KNOWN);
  const entries = content.revokedCertificates ?? [];
  for (const entry of entries) refuseUnknown(entry.crlEntryExtensions ?? [], KNOWN_IN_ENTRIES);
  return judgeable(
    signed,
    content,
    new Set(entries.map(({ userCertificate }) => canonicalSerial(toHex(userCertificate)))),
  );
}

function judgeable(
  signed: SignedObject,
  content: TBSCertList,
  serials: ReadonlySet<string>,
): RevocationList {
  const issuer = toHex(encodeDer(content.issuer));
  const keyId = readKeyId(content.crlExtensions ?? []);
  const thisUpdate = content.thisUpdate.getTime();
  const nextUpdate = content.nextUpdate?.getTime();
  if (nextUpdate === undefined) throw malformed("it does not say when the next one comes");
  const issuerMatches = (certificate: X509Certificate): boolean => {
    const facts = readFacts(certificate);
    const isSameKey = keyId === undefined || keyId === facts.keyId;
    return facts.subject === issuer && isSameKey;
  };
  return {
    issuerMatches,
    isRevoked: (serialHex) => serials.has(canonicalSerial(serialHex)),
    verify: (authority, at) => {
      const facts = readFacts(authority);
      const maySign = ((facts.keyUsage ?? 0) & KeyUsageFlags.cRLSign) !== 0;
      if (!issuerMatches(authority) || !maySign) throw new TautlineError("pki.crl_wrong_issuer");
      refuseForged(signed, facts.publicKey);
      // Asked this way round, an invalid date is refused too.
      if (!(at >= thisUpdate)) {
        throw new TautlineError("pki.crl_not_yet_valid", {
          detail: { thisUpdate: thisUpdate.toISOString() },
        });
      }
      if (!(at <= nextUpdate)) {
        throw new TautlineError("pki.crl_expired", {
          detail: { nextUpdate: nextUpdate.toISOString() },
        });
      }
    },
  };
}

function refuseForged(signed: SignedObject, key: KeyObject): void {
  if (findKeyWeakness(key) === undefined && isSignedBy(signed, key)) return;
  throw new TautlineError("pki.crl_bad_signature");
}

function refuseUnknown(extensions: readonly Extension[], known: ReadonlySet<string>): void {
  const odd = extensions.find((each) => each.critical && !known.has(each.extnID));
  if (odd !== undefined) throw malformed(`its critical extension ${odd.extnID} is not known here`);
}

function readKeyId(extensions: readonly Extension[]): string | undefined {
  const found = extensions.find((each) => each.extnID === id_ce_authorityKeyIdentifier);
  if (found === undefined) return undefined;
  const value = decodeDer(found.extnValue.buffer, AuthorityKeyIdentifier, {
    ...READING,
    what: "the authority key identifier",
  });
  return value.keyIdentifier === undefined ? undefined : toHex(value.keyIdentifier.buffer);
}

function decodeLoneBlock(pem: string): Buffer {
  const [block, ...others] = splitPem(pem, "X509 CRL");
  if (block === undefined || others.length > 0) {
    throw malformed("it is not exactly one PEM block X509 CRL");
  }
  return decodePemBlock(block);
}

function toHex(bytes: ArrayBuffer): string {
  return Buffer.from(bytes).toString("hex");
}

function malformed(reason: string): TautlineError {
  return new TautlineError("pki.crl_malformed", { detail: { reason } });
}
