import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isTautlineError } from "./error.ts";
import { decodePromotionOffer, encodePromotionOffer, type SignedPromotion } from "./promotion.ts";

const isMalformed = (error: unknown): boolean =>
  isTautlineError(error) && error.code === "opamp.promotion_malformed";

const OFFER: SignedPromotion = {
  addresses: ["central.example.org:9150", "[2001:db8::1]:9150"],
  pins: [new Uint8Array(32).fill(7)],
  trustDomain: "fleet.example.org",
  rootKey: new Uint8Array(91).fill(1),
  signature: new Uint8Array(71).fill(2),
};

test("a promotion comes back as it was written", () => {
  assert.deepEqual(decodePromotionOffer(encodePromotionOffer(OFFER)), OFFER);
});

test("a promotion that leads nowhere, or to no root, is refused on both ends", () => {
  const cases: [Partial<SignedPromotion>, RegExp][] = [
    [{ addresses: [] }, /no address/],
    [{ addresses: ["central"] }, /not host:port/],
    [{ addresses: Array.from({ length: 17 }, (_, at) => `h${at}:1`) }, /more than 16/],
    [{ pins: [] }, /no root/],
    [{ pins: Array.from({ length: 5 }, () => new Uint8Array(32)) }, /more than 4 roots/],
    [{ pins: [new Uint8Array(31)] }, /32 bytes/],
    [{ trustDomain: "Not A Domain" }, /trust domain/],
    [{ rootKey: new Uint8Array() }, /key of its root is not there/],
    [{ rootKey: new Uint8Array(1_025) }, /key of its root is not there, or too large/],
    [{ signature: new Uint8Array() }, /signature is not there/],
    [{ signature: new Uint8Array(1_025) }, /signature is not there, or too large/],
  ];
  for (const [change, reason] of cases) {
    assert.throws(
      () => encodePromotionOffer({ ...OFFER, ...change }),
      (error) => isMalformed(error) && reason.test(String(error)),
    );
  }
});

test("no bytes do anything but give a promotion, in its one encoding, or the one refusal", () => {
  const good = encodePromotionOffer(OFFER);
  const changed = fc
    .tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }))
    .map(([at, by]) => good.map((byte, index) => (index === at ? byte ^ by : byte)));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), changed), (bytes) => {
      try {
        assert.deepEqual(encodePromotionOffer(decodePromotionOffer(bytes)), bytes);
      } catch (error) {
        assert.ok(isMalformed(error), String(error));
      }
    }),
  );
});
