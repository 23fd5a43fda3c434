import assert from "node:assert/strict";
import { sign, verify } from "node:crypto";
import { test } from "node:test";
import { createKeyPair, spkiPin } from "./keys.ts";
import { keyId, signMessage, verifyMessage } from "./message-signature.ts";

const CONTEXT = "tautline/instruction/v1";
const message = Buffer.from("settings 1");
const { privateKey, publicKey } = createKeyPair("ed25519");
const signature = signMessage(privateKey, CONTEXT, message);

test("a signature holds for its key, its context and its message", () => {
  assert.equal(signature.length, 64);
  assert.equal(verifyMessage(publicKey, CONTEXT, message, signature), true);
});

test("a signature holds for nothing else", () => {
  const stranger = createKeyPair("ed25519").publicKey;
  assert.equal(verifyMessage(stranger, CONTEXT, message, signature), false);
  assert.equal(verifyMessage(publicKey, "tautline/other/v1", message, signature), false);
  assert.equal(verifyMessage(publicKey, CONTEXT, Buffer.from("settings 2"), signature), false);
  for (const at of [0, 31, 32, 63]) {
    const bent = Buffer.from(signature);
    bent[at] = (bent[at] ?? 0) ^ 1;
    assert.equal(verifyMessage(publicKey, CONTEXT, message, bent), false);
  }
});

test("a signature of another length verifies nothing and throws nothing", () => {
  for (const length of [0, 63, 65, 1000]) {
    assert.equal(verifyMessage(publicKey, CONTEXT, message, Buffer.alloc(length)), false);
  }
});

test("the border between context and message cannot be shifted", () => {
  const shifted = signMessage(privateKey, "ab", Buffer.from("c"));
  assert.equal(verifyMessage(publicKey, "a", Buffer.from("bc"), shifted), false);
  assert.equal(verifyMessage(publicKey, "", Buffer.from("abc"), shifted), false);
});

test("what is signed is the length of the context in 4 octets, the context, the message", () => {
  const framed = Buffer.concat([Buffer.of(0, 0, 0, 23), Buffer.from(CONTEXT), message]);
  assert.equal(verify(null, framed, publicKey, signature), true);
  assert.equal(verifyMessage(publicKey, CONTEXT, message, sign(null, framed, privateKey)), true);
});

test("a key of another kind neither signs nor verifies", () => {
  const p256 = createKeyPair("p256");
  const refused = { code: "pki.key_not_accepted" };
  assert.throws(() => signMessage(p256.privateKey, CONTEXT, message), refused);
  assert.equal(verifyMessage(p256.publicKey, CONTEXT, message, signature), false);
});

test("a key's name is its SPKI pin", () => {
  assert.deepEqual(keyId(publicKey), spkiPin(privateKey));
});
