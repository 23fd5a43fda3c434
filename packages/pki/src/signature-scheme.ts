import type { KeyObject } from "node:crypto";
import type { AlgorithmIdentifier } from "@peculiar/asn1-x509";
import { TAG } from "./der-tags.ts";
import { writeDer, writeIdentifier } from "./der-writer.ts";

/** A signature algorithm of X.509: its object identifier, the kind of key it needs, and Node's name of its hash. */
export interface SignatureScheme {
  readonly oid: string;
  readonly keyKind: "ec" | "ed25519" | "rsa";
  /** null for Ed25519, which hashes by itself. */
  readonly hash: string | null;
}

const ECDSA_SHA256: SignatureScheme = { oid: "1.2.840.10045.4.3.2", keyKind: "ec", hash: "sha256" };
const ECDSA_SHA384: SignatureScheme = { oid: "1.2.840.10045.4.3.3", keyKind: "ec", hash: "sha384" };
const ED25519: SignatureScheme = { oid: "1.3.101.112", keyKind: "ed25519", hash: null };
const RSA_SHA256: SignatureScheme = {
  oid: "1.2.840.113549.1.1.11",
  keyKind: "rsa",
  hash: "sha256",
};

/** Every scheme that is accepted (RFC 5758, RFC 8410, RFC 4055); SHA-1 and MD5 are not among them. */
const ACCEPTED: readonly SignatureScheme[] = [
  ECDSA_SHA256,
  ECDSA_SHA384,
  { oid: "1.2.840.10045.4.3.4", keyKind: "ec", hash: "sha512" },
  ED25519,
  RSA_SHA256,
  { oid: "1.2.840.113549.1.1.12", keyKind: "rsa", hash: "sha384" },
  { oid: "1.2.840.113549.1.1.13", keyKind: "rsa", hash: "sha512" },
];

/**
 * Chooses the scheme that a key signs with: SHA-256, or SHA-384 for P-384 as its strength asks.
 *
 * @param key a key that `refuseWeakKey` lets pass
 */
export function schemeForKey(key: KeyObject): SignatureScheme {
  if (key.asymmetricKeyType === "ed25519") return ED25519;
  if (key.asymmetricKeyType === "rsa") return RSA_SHA256;
  return key.asymmetricKeyDetails?.namedCurve === "secp384r1" ? ECDSA_SHA384 : ECDSA_SHA256;
}

/**
 * Finds the accepted scheme that an algorithm identifier names.
 *
 * @param algorithm as read from DER
 * @returns undefined for any other scheme, and for parameters that the scheme does not have
 */
export function findScheme(algorithm: AlgorithmIdentifier): SignatureScheme | undefined {
  const scheme = ACCEPTED.find((each) => each.oid === algorithm.algorithm);
  if (scheme === undefined) return undefined;
  const parameters = scheme.keyKind === "rsa" ? null : undefined;
  return algorithm.parameters === parameters ? scheme : undefined;
}

/**
 * Finds the accepted scheme that an algorithm identifier names.
 *
 * @param algorithm in DER: each scheme has one encoding, so its parameters are judged with it
 * @returns undefined for any other scheme, and for parameters that the scheme does not have
 */
export function findEncodedScheme(algorithm: Uint8Array): SignatureScheme | undefined {
  return ACCEPTED.find(
    (each) => Buffer.compare(new Uint8Array(encodeAlgorithm(each)), algorithm) === 0,
  );
}

/**
 * Encodes a scheme as an AlgorithmIdentifier in DER; RSA carries NULL, the others carry nothing (RFC 5758 section 3.2, RFC 8410
 * section 3).
 *
 * @param scheme one of the accepted
 */
export function encodeAlgorithm(scheme: SignatureScheme): ArrayBuffer {
  const before = encodedAlgorithms.get(scheme.oid);
  if (before !== undefined) return before;
  const parameters = scheme.keyKind === "rsa" ? [writeDer(TAG.null)] : [];
  const written = writeDer(TAG.sequence, writeIdentifier(scheme.oid), ...parameters);
  const der = Uint8Array.from(written).buffer;
  encodedAlgorithms.set(scheme.oid, der);
  return der;
}

const encodedAlgorithms = new Map<string, ArrayBuffer>();
