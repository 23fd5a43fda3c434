import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { isTautlineError, toBase64Url } from "@tautline/protocol";
import * as fc from "fast-check";
import { createRoot } from "./authority.ts";
import {
  decodeIdentityProof,
  encodeIdentityProof,
  isIdentitySignature,
  type ProofSubject,
  signIdentity,
} from "./identity-proof.ts";
import { createKeyPair, type KeyPair } from "./keys.ts";
import { createSerial } from "./serial.ts";

const isMalformed = (error: unknown): boolean =>
  isTautlineError(error) && error.code === "pki.proof_malformed";

const SUBJECT: ProofSubject = {
  role: "agent",
  agentId: "0197d3b1-7c00-7abc-8def-0123456789ab",
  trustDomain: "fleet.test",
  level: "basic",
  binding: new Uint8Array(32).fill(5),
};

const now = (): number => 1_700_000_000_000;
const { certificate } = createRoot({
  trustDomain: "fleet.test",
  now,
  lifetimeMs: 86_400_000,
  serial: createSerial(randomBytes),
});
const pair = createKeyPair("p256");
const PROOF = {
  chain: [certificate, certificate],
  signature: signIdentity(pair.privateKey, SUBJECT),
};
const TEXT = encodeIdentityProof(PROOF);

test("a proof comes back as it was written", () => {
  const { chain, signature } = decodeIdentityProof(TEXT);
  assert.deepEqual(
    chain.map(({ raw }) => raw),
    [certificate.raw, certificate.raw],
  );
  assert.deepEqual(Buffer.from(signature), PROOF.signature);
});

const KEYS: Readonly<Record<string, KeyPair>> = {
  "P-256": generateKeyPairSync("ec", { namedCurve: "P-256" }),
  "P-384": generateKeyPairSync("ec", { namedCurve: "P-384" }),
  Ed25519: generateKeyPairSync("ed25519"),
  RSA: generateKeyPairSync("rsa", { modulusLength: 2048 }),
};

for (const [kind, { privateKey, publicKey }] of Object.entries(KEYS)) {
  test(`a proof by a key of kind ${kind} holds for what was said, and a change of any part breaks it (A23)`, () => {
    const signature = signIdentity(privateKey, SUBJECT);
    assert.ok(isIdentitySignature(publicKey, SUBJECT, signature));
    const others: Partial<ProofSubject>[] = [
      { role: "central" },
      { agentId: "0197d3b1-7c00-7abc-8def-0123456789ac" },
      { trustDomain: "fleet.tes" },
      { level: "advanced" },
      { binding: new Uint8Array(32).fill(6) },
      { binding: new Uint8Array(31).fill(5) },
    ];
    for (const other of others) {
      assert.ok(!isIdentitySignature(publicKey, { ...SUBJECT, ...other }, signature));
    }
    assert.ok(!isIdentitySignature(pair.publicKey, SUBJECT, signature));
  });
}

test("parts cannot be shifted into one another", () => {
  const signature = signIdentity(pair.privateKey, { ...SUBJECT, agentId: "ab", trustDomain: "c" });
  const shifted = { ...SUBJECT, agentId: "a", trustDomain: "bc" };
  assert.ok(!isIdentitySignature(pair.publicKey, shifted, signature));
});

const chainOf = (length: number): X509Certificate[] => Array.from({ length }, () => certificate);

/** A proof with these bytes in place of a certificate. */
const withCertificate = (der: Buffer): Buffer =>
  Buffer.concat([Buffer.of(1, 1, der.length >> 8, der.length & 255), der, Buffer.of(0, 1, 7)]);

test("too many certificates, or none, and more than a header holds, are refused on both ends", () => {
  for (const length of [0, 5]) {
    assert.throws(() => encodeIdentityProof({ ...PROOF, chain: chainOf(length) }), isMalformed);
  }
  assert.ok(encodeIdentityProof({ ...PROOF, chain: chainOf(4) }).length < 8192);
  const signature = new Uint8Array(8 * 1024);
  assert.throws(() => encodeIdentityProof({ ...PROOF, signature }), isMalformed);
  assert.throws(() => decodeIdentityProof("A".repeat(8193)), /more than 8192 characters/);
});

test("what is not in its one encoding is refused", () => {
  const bytes = Buffer.from(TEXT, "base64url");
  const pem = Buffer.from(certificate.toString());
  const cases: [Uint8Array, RegExp][] = [
    [Buffer.concat([bytes, Buffer.of(0)]), /after it/],
    [bytes.subarray(0, -1), /too early/],
    [Buffer.of(2, ...bytes.subarray(1)), /version/],
    [Buffer.of(1, 0), /1 to 4/],
    [Buffer.of(1, 5), /1 to 4/],
    [Buffer.alloc(0), /too early/],
    [withCertificate(pem), /one encoding/],
    [withCertificate(Buffer.concat([certificate.raw, Buffer.of(0)])), /is none|one encoding/],
    [withCertificate(Buffer.from("nothing")), /is none/],
  ];
  for (const [changed, reason] of cases) {
    assert.throws(
      () => decodeIdentityProof(toBase64Url(changed)),
      (error) => isMalformed(error) && reason.test(String(error)),
    );
  }
  for (const text of ["challenge!", `${TEXT}=`, ` ${TEXT}`]) {
    assert.throws(() => decodeIdentityProof(text), /base64url/);
  }
});

test("no text does anything but give a proof, in its one encoding, or the one refusal", () => {
  const changed = fc
    .tuple(fc.nat(TEXT.length - 1), fc.constantFrom("A", "B", "0", "9", "-", "_", " ", "="))
    .map(([at, by]) => TEXT.slice(0, at) + by + TEXT.slice(at + 1));
  const any = fc.uint8Array({ maxLength: 200 }).map((bytes) => toBase64Url(bytes));
  fc.assert(
    fc.property(fc.oneof(changed, any, fc.string()), (text) => {
      try {
        const { chain, signature } = decodeIdentityProof(text);
        assert.ok(chain.every((each) => each instanceof X509Certificate));
        assert.equal(encodeIdentityProof({ chain, signature }), text);
      } catch (error) {
        assert.ok(isMalformed(error), String(error));
      }
    }),
  );
});
