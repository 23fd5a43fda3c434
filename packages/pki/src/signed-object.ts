import { type KeyObject, sign, verify } from "node:crypto";
import { AsnProp, AsnPropTypes, AsnType, AsnTypeTypes } from "@peculiar/asn1-schema";
import { AlgorithmIdentifier } from "@peculiar/asn1-x509";
import { type DerOptions, decodeDer } from "./der.ts";
import { TAG } from "./der-tags.ts";
import { writeBits, writeDer } from "./der-writer.ts";
import {
  encodeAlgorithm,
  findEncodedScheme,
  findScheme,
  schemeForKey,
  type SignatureScheme,
} from "./signature-scheme.ts";
import type { SignedParts } from "./signed-parts.ts";

/**
 * The outer form of certificates, requests and revocation lists (RFC 5280 sections 4.1 and 5.1, RFC 2986 section 4): the signed
 * bytes, the algorithm, the signature. The signed bytes stay bytes: they are verified as they came and never encoded again.
 */
export class SignedObject {
  toBeSigned: ArrayBuffer = new ArrayBuffer(0);
  signatureAlgorithm: AlgorithmIdentifier = new AlgorithmIdentifier();
  signature: ArrayBuffer = new ArrayBuffer(0);
}
// The library's decorators, called as the functions they are: decorator syntax cannot be erased.
AsnProp({ type: AsnPropTypes.Any })(SignedObject.prototype, "toBeSigned");
AsnProp({ type: AlgorithmIdentifier })(SignedObject.prototype, "signatureAlgorithm");
AsnProp({ type: AsnPropTypes.BitString })(SignedObject.prototype, "signature");
AsnType({ type: AsnTypeTypes.Sequence })(SignedObject);

/**
 * Signs bytes into the outer form.
 *
 * @param toBeSigned the inner structure in DER
 * @param privateKey signs with the scheme of its kind
 * @returns the whole structure in DER
 */
export function encodeSigned(toBeSigned: ArrayBuffer | Uint8Array, privateKey: KeyObject): Buffer {
  const scheme = schemeForKey(privateKey);
  const content = toBeSigned instanceof Uint8Array ? toBeSigned : new Uint8Array(toBeSigned);
  const signature = sign(scheme.hash, content, privateKey);
  const algorithm = new Uint8Array(encodeAlgorithm(scheme));
  return writeDer(TAG.sequence, content, algorithm, writeBits(signature));
}

/**
 * Reads the outer form strictly.
 *
 * @param der the whole structure
 * @param options the error code and what is being read
 * @throws the given code
 */
export function decodeSigned(der: Uint8Array, options: DerOptions): SignedObject {
  return decodeDer(der, SignedObject, options);
}

/**
 * Tells whether the signature is by this key, over the bytes as they came, with an accepted scheme that fits the key.
 *
 * @param signed as read
 * @param publicKey the signer's key; judge its strength first, a huge RSA key makes this slow
 */
export function isSignedBy(signed: SignedObject, publicKey: KeyObject): boolean {
  const scheme = findScheme(signed.signatureAlgorithm);
  return isRight(
    scheme,
    new Uint8Array(signed.toBeSigned),
    new Uint8Array(signed.signature),
    publicKey,
  );
}

/**
 * Tells the same as `isSignedBy` of parts that were read as views.
 *
 * @param signed as read
 * @param publicKey the signer's key; judge its strength first
 */
export function verifyParts(signed: SignedParts, publicKey: KeyObject): boolean {
  const scheme = findEncodedScheme(signed.algorithm);
  return isRight(scheme, signed.toBeSigned, signed.signature, publicKey);
}

function isRight(
  scheme: SignatureScheme | undefined,
  toBeSigned: Uint8Array,
  signature: Uint8Array,
  publicKey: KeyObject,
): boolean {
  if (scheme === undefined || scheme.keyKind !== publicKey.asymmetricKeyType) return false;
  return verify(scheme.hash, toBeSigned, publicKey, signature);
}
