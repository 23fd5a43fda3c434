import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { findKeyWeakness, isCanonicalSpki } from "./key-strength.ts";
import { createKeyPair, encodeSpki } from "./keys.ts";

function ec(namedCurve: string): KeyObject {
  return generateKeyPairSync("ec", { namedCurve }).publicKey;
}

function rsa(modulusLength: number, publicExponent = 65537): KeyObject {
  return generateKeyPairSync("rsa", { modulusLength, publicExponent }).publicKey;
}

/** A modulus that nobody made of primes; nothing is signed with it. */
function rsaOfModulus(modulus: Buffer): KeyObject {
  const key = { kty: "RSA", n: modulus.toString("base64url"), e: "AQAB" };
  return createPublicKey({ key, format: "jwk" });
}

const ACCEPTED: [string, KeyObject][] = [
  ["P-256", ec("P-256")],
  ["P-384", ec("P-384")],
  ["Ed25519", createKeyPair("ed25519").publicKey],
  ["RSA of 2,048 bits", rsa(2048)],
  ["RSA of 4,096 bits", rsa(4096)],
];

for (const [what, key] of ACCEPTED) {
  test(`${what} is accepted, as private key too`, () => {
    assert.equal(findKeyWeakness(key), undefined);
    assert.ok(isCanonicalSpki(key, encodeSpki(key)));
  });
}

const REFUSED: [string, KeyObject, RegExp][] = [
  ["P-521, which no peer here uses", ec("P-521"), /secp521r1/],
  ["P-224", ec("secp224r1"), /secp224r1/],
  ["secp256k1", ec("secp256k1"), /secp256k1/],
  ["RSA of 2,047 bits", rsa(2047), /2047 bits/],
  ["RSA of 4,097 bits", rsaOfModulus(Buffer.from(`01${"ff".repeat(512)}`, "hex")), /4097 bits/],
  ["RSA with exponent 3", rsa(2048, 3), /exponent/],
  ["Ed448", generateKeyPairSync("ed448").publicKey, /ed448/],
  ["X25519", generateKeyPairSync("x25519").publicKey, /x25519/],
  ["RSA-PSS", generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).publicKey, /rsa-pss/],
  ["DSA", generateKeyPairSync("dsa", { modulusLength: 1024 }).publicKey, /dsa/],
];

for (const [what, key, reason] of REFUSED) {
  test(`${what} is refused with its reason`, () => {
    assert.match(findKeyWeakness(key) ?? "accepted", reason);
  });
}

test("the same key with a compressed point is another encoding", () => {
  const key = ec("P-256");
  const { x = "", y = "" } = key.export({ format: "jwk" });
  const usual = encodeSpki(key);
  const isOdd = ((Buffer.from(y, "base64url").at(-1) ?? 0) & 1) === 1;
  const point = Buffer.concat([Buffer.of(isOdd ? 3 : 2), Buffer.from(x, "base64url")]);
  const header = Buffer.from(usual.subarray(0, usual.length - 65));
  // The point is 32 octets shorter; so are the two lengths around it.
  for (const at of [1, header.length - 2]) header[at] = (header[at] ?? 0) - 32;
  const compressed = Buffer.concat([header, point]);
  const again = createPublicKey({ key: compressed, format: "der", type: "spki" });
  assert.ok(again.equals(key));
  assert.equal(isCanonicalSpki(again, compressed), false);
  assert.equal(isCanonicalSpki(again, usual), true);
});
