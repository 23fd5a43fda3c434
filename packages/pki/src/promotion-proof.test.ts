import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { isTautlineError, type SignedPromotion } from "@tautline/protocol";
import { createKeyPair, encodeSpki, spkiPin } from "./keys.ts";
import { openPromotion, signPromotion } from "./promotion-proof.ts";

const KINDS = ["p256", "ed25519"] as const;

const offerOf = (root: KeyObject) => ({
  addresses: ["central.example.org:9150"],
  pins: [new Uint8Array(32), spkiPin(root)],
  trustDomain: "fleet.example.org",
});

const isUnproven =
  (reason: RegExp) =>
  (error: unknown): boolean =>
    isTautlineError(error) &&
    error.code === "opamp.promotion_unproven" &&
    reason.test(String(error.detail["reason"]));

for (const kind of KINDS) {
  test(`a promotion that a root of kind ${kind} has signed is proven, and gives what it says`, () => {
    const { privateKey, publicKey } = createKeyPair(kind);
    const offer = offerOf(publicKey);
    assert.deepEqual(openPromotion(signPromotion(privateKey, offer)), offer);
  });
}

const ROOT = createKeyPair("p256");
const OTHER = createKeyPair("p256");
const SIGNED = signPromotion(ROOT.privateKey, offerOf(ROOT.publicKey));
const OTHERS = signPromotion(OTHER.privateKey, offerOf(OTHER.publicKey));

const CHANGES: readonly [what: string, change: Partial<SignedPromotion>, reason: RegExp][] = [
  ["other addresses", { addresses: ["attacker.example.org:9150"] }, /signature is wrong/],
  ["one address more", { addresses: [...SIGNED.addresses, "a.example:1"] }, /signature is wrong/],
  ["another trust domain", { trustDomain: "other.example.org" }, /signature is wrong/],
  ["another pin beside its own", { pins: [spkiPin(ROOT.publicKey)] }, /signature is wrong/],
  ["another root's pin alone", { pins: [spkiPin(OTHER.publicKey)] }, /names another root/],
  ["another root's key", { rootKey: OTHERS.rootKey }, /names another root/],
  ["another root's signature", { signature: OTHERS.signature }, /signature is wrong/],
  ["a signature that is none", { signature: new Uint8Array([1]) }, /signature is wrong/],
  ["a key that is none", { rootKey: new Uint8Array([48, 0]) }, /cannot be read/],
];

for (const [what, change, reason] of CHANGES) {
  test(`A24: a promotion with ${what} is refused`, () => {
    assert.throws(() => openPromotion({ ...SIGNED, ...change }), isUnproven(reason));
  });
}

test("A12: a root whose key is weak signs nothing that is believed", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const weak = signPromotion(privateKey, offerOf(publicKey));
  assert.deepEqual(weak.rootKey, encodeSpki(publicKey));
  assert.throws(() => openPromotion(weak), isUnproven(/the key of its root has /));
});
