import { findAddressFault } from "./central-addresses.ts";
import { TautlineError } from "./error.ts";
import { PromotionOfferSchema } from "./gen/tautline/v1/promotion_pb.ts";
import { LIMITS } from "./limits.ts";
import { decodeCanonicalMessage, encodeMessage } from "./message-codec.ts";
import { isTrustDomain } from "./names.ts";

const CODE = "opamp.promotion_malformed";
const PIN_BYTES = 32;
/** An RSA key of 4,096 bits takes 550 bytes as SPKI, and signs in 512. */
const LARGEST_KEY_BYTES = 1_024;
const LARGEST_SIGNATURE_BYTES = 1_024;

/** Names the use that a root's signature over a promotion is good for. */
export const PROMOTION_CONTEXT = "tautline/promotion/v1";

/** What a promoted agent is told: where central is, and by which root it will know it. It opens nothing: a person still gives a token. */
export interface PromotionOffer {
  /** "host:port" of central's agents port, in the order to try. */
  readonly addresses: readonly string[];
  /** SHA-256 of the SPKI of central's root, 32 bytes each. */
  readonly pins: readonly Uint8Array[];
  readonly trustDomain: string;
}

/** The same with the root that has signed it; whoever reads it checks that (`openPromotion` of pki). */
export interface SignedPromotion extends PromotionOffer {
  /** SubjectPublicKeyInfo in DER. */
  readonly rootKey: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Encodes what a root signs of a promotion.
 *
 * @param offer its parts
 * @param rootKey SubjectPublicKeyInfo in DER of the root that signs
 * @throws opamp.promotion_malformed
 */
export function promotionToSign(offer: PromotionOffer, rootKey: Uint8Array): Uint8Array {
  assertOffer(offer);
  return encodeMessage(PromotionOfferSchema, { ...fieldsOf(offer), rootKey }, CODE);
}

/**
 * Encodes a promotion: the data of a custom message "offer".
 *
 * @param offer its parts; what they must be is judged here as in `decodePromotionOffer`
 * @throws opamp.promotion_malformed
 */
export function encodePromotionOffer(offer: SignedPromotion): Uint8Array {
  assertOffer(offer);
  assertSigned(offer);
  const { rootKey, signature } = offer;
  return encodeMessage(PromotionOfferSchema, { ...fieldsOf(offer), rootKey, signature }, CODE);
}

/**
 * Decodes a promotion; there is one encoding. Its signature is not looked at.
 *
 * @param bytes the data of a custom message, bounded by the message around it
 * @throws opamp.promotion_malformed
 */
export function decodePromotionOffer(bytes: Uint8Array): SignedPromotion {
  const message = decodeCanonicalMessage(PromotionOfferSchema, bytes, CODE);
  const { addresses, pins, trustDomain, rootKey, signature } = message;
  const offer = { addresses, pins, trustDomain, rootKey, signature };
  assertOffer(offer);
  assertSigned(offer);
  return offer;
}

function fieldsOf({ addresses, pins, trustDomain }: PromotionOffer) {
  return { addresses: [...addresses], pins: [...pins], trustDomain };
}

function assertSigned({ rootKey, signature }: SignedPromotion): void {
  if (rootKey.length === 0 || rootKey.length > LARGEST_KEY_BYTES) {
    throw malformed("the key of its root is not there, or too large");
  }
  if (signature.length === 0 || signature.length > LARGEST_SIGNATURE_BYTES) {
    throw malformed("its signature is not there, or too large");
  }
}

function assertOffer({ addresses, pins, trustDomain }: PromotionOffer): void {
  const fault = findAddressFault(addresses) ?? findPinFault(pins);
  if (fault !== undefined) throw malformed(fault);
  if (!isTrustDomain(trustDomain)) throw malformed("its trust domain is none");
}

function findPinFault(pins: readonly Uint8Array[]): string | undefined {
  if (pins.length === 0) return "it names no root";
  if (pins.length > LIMITS.pins.value) return `it names more than ${LIMITS.pins.value} roots`;
  return pins.every((pin) => pin.length === PIN_BYTES) ? undefined : "a pin is not of 32 bytes";
}

function malformed(reason: string): TautlineError {
  return new TautlineError(CODE, { detail: { reason } });
}
