import { findAddressFault } from "./central-addresses.ts";
import { TautlineError } from "./error.ts";
import { PromotionOfferSchema } from "./gen/tautline/v1/promotion_pb.ts";
import { LIMITS } from "./limits.ts";
import { decodeCanonicalMessage, encodeMessage } from "./message-codec.ts";
import { isTrustDomain } from "./names.ts";

const CODE = "opamp.promotion_malformed";
const PIN_BYTES = 32;

/** What a promoted agent is told: where central is, and by which root it will know it. It opens nothing: a person still gives a token. */
export interface PromotionOffer {
  /** "host:port" of central's agents port, in the order to try. */
  readonly addresses: readonly string[];
  /** SHA-256 of the SPKI of central's root, 32 bytes each. */
  readonly pins: readonly Uint8Array[];
  readonly trustDomain: string;
}

/**
 * Encodes a promotion: the data of a custom message "offer".
 *
 * @param offer its parts; what they must be is judged here as in `decodePromotionOffer`
 * @throws opamp.promotion_malformed
 */
export function encodePromotionOffer(offer: PromotionOffer): Uint8Array {
  assertOffer(offer);
  const { addresses, pins, trustDomain } = offer;
  const fields = { addresses: [...addresses], pins: [...pins], trustDomain };
  return encodeMessage(PromotionOfferSchema, fields, CODE);
}

/**
 * Decodes a promotion; there is one encoding.
 *
 * @param bytes the data of a custom message, bounded by the message around it
 * @throws opamp.promotion_malformed
 */
export function decodePromotionOffer(bytes: Uint8Array): PromotionOffer {
  const message = decodeCanonicalMessage(PromotionOfferSchema, bytes, CODE);
  const { addresses, pins, trustDomain } = message;
  const offer = { addresses, pins, trustDomain };
  assertOffer(offer);
  return offer;
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
