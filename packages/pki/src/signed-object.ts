import { type KeyObject, sign, verify } from "node:crypto";
import { AsnProp, AsnPropTypes, AsnType, AsnTypeTypes } from "@peculiar/asn1-schema";
import { AlgorithmIdentifier } from "@peculiar/asn1-x509";
import { type DerOptions, decodeDer, encodeDer } from "./der.ts";
import { EncodedDer } from "./encoded-der.ts";
import { encodeAlgorithm, findScheme, schemeForKey } from "./signature-scheme.ts";

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

/** The same form for writing, made of parts that are encoded already. */
class SignedParts {
  toBeSigned: EncodedDer = new EncodedDer();
  signatureAlgorithm: EncodedDer = new EncodedDer();
  signature: ArrayBuffer = new ArrayBuffer(0);
}
AsnProp({ type: EncodedDer })(SignedParts.prototype, "toBeSigned");
AsnProp({ type: EncodedDer })(SignedParts.prototype, "signatureAlgorithm");
AsnProp({ type: AsnPropTypes.BitString })(SignedParts.prototype, "signature");
AsnType({ type: AsnTypeTypes.Sequence })(SignedParts);

/**
 * Signs bytes into the outer form.
 *
 * @param toBeSigned the inner structure in DER
 * @param privateKey signs with the scheme of its kind
 * @returns the whole structure in DER
 */
export function encodeSigned(toBeSigned: ArrayBuffer, privateKey: KeyObject): Buffer {
  const scheme = schemeForKey(privateKey);
  const signature = sign(scheme.hash, new Uint8Array(toBeSigned), privateKey);
  const signed = new SignedParts();
  signed.toBeSigned = new EncodedDer(toBeSigned);
  signed.signatureAlgorithm = new EncodedDer(encodeAlgorithm(scheme));
  signed.signature = new Uint8Array(signature).buffer;
  return Buffer.from(encodeDer(signed));
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
  if (scheme === undefined || scheme.keyKind !== publicKey.asymmetricKeyType) return false;
  const signature = new Uint8Array(signed.signature);
  return verify(scheme.hash, new Uint8Array(signed.toBeSigned), publicKey, signature);
}
