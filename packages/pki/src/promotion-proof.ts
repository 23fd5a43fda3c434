import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import {
  PROMOTION_CONTEXT,
  type PromotionOffer,
  promotionToSign,
  type SignedPromotion,
  TautlineError,
} from "@tautline/protocol";
import { findKeyWeakness, isCanonicalSpki } from "./key-strength.ts";
import { encodeSpki, spkiPin } from "./keys.ts";
import { frameMessage } from "./message-signature.ts";
import { schemeForKey } from "./signature-scheme.ts";

/**
 * Lets a root sign where an agent without an identity can join.
 *
 * @param rootKey the root's private key
 * @param offer where; one of its pins is the root's
 * @throws opamp.promotion_malformed
 */
export function signPromotion(rootKey: KeyObject, offer: PromotionOffer): SignedPromotion {
  const key = encodeSpki(rootKey);
  const bytes = frameMessage(PROMOTION_CONTEXT, promotionToSign(offer, key));
  return { ...offer, rootKey: key, signature: sign(schemeForKey(rootKey).hash, bytes, rootKey) };
}

/**
 * Proves that the root of one of a promotion's pins has signed the whole of it. Whether that root is central's only somebody knows who knows the pin.
 *
 * @param signed as received
 * @throws opamp.promotion_unproven
 */
export function openPromotion(signed: SignedPromotion): PromotionOffer {
  const { addresses, pins, trustDomain, rootKey, signature } = signed;
  const offer = { addresses, pins, trustDomain };
  const key = readKey(rootKey);
  const pin = spkiPin(key);
  if (!pins.some((each) => pin.equals(each))) throw unproven("it names another root");
  const bytes = frameMessage(PROMOTION_CONTEXT, promotionToSign(offer, rootKey));
  if (!verify(schemeForKey(key).hash, bytes, key, signature)) {
    throw unproven("its signature is wrong");
  }
  return offer;
}

function readKey(rootKey: Uint8Array): KeyObject {
  const der = Buffer.from(rootKey);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: der, format: "der", type: "spki" });
  } catch (cause) {
    throw unproven("the key of its root cannot be read", cause);
  }
  const weakness = findKeyWeakness(key);
  if (weakness !== undefined) throw unproven(`the key of its root has ${weakness}`);
  if (!isCanonicalSpki(key, der))
    throw unproven("the key of its root is not in its usual encoding");
  return key;
}

function unproven(reason: string, cause?: unknown): TautlineError {
  return new TautlineError("opamp.promotion_unproven", { cause, detail: { reason } });
}
