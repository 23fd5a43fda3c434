import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { AsnConvert } from "@peculiar/asn1-schema";
import { Certificate } from "@peculiar/asn1-x509";
import { verifyChain, type VerifyChainOptions } from "./chain.ts";
import { agentProfile, createFleet, hoursLater, issueLeaf } from "./fixture-fleet.test.ts";
import { bendSignature, forge } from "./fixture-forgery.test.ts";
import { askOpenssl } from "./fixture-openssl.test.ts";
import type { KeyPair } from "./keys.ts";
import { serialOf } from "./serial.ts";

const { agents, root } = createFleet();
const honest = issueLeaf(agents, agentProfile("agent-client"));
const anyHost = { pathLength: 0, urisOnly: false };
/** The order of P-256's group (SEC 2 section 2.4.2). */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

function question(leaf: X509Certificate, issuer: X509Certificate): VerifyChainOptions {
  return {
    leaf,
    intermediates: [issuer],
    roots: [root.certificate],
    at: hoursLater(1),
    purpose: "client",
  };
}

function verdictOf(leaf: X509Certificate, issuer = agents.certificate): string {
  const verdict = verifyChain(question(leaf, issuer));
  return verdict.ok ? "accepted" : verdict.error.code;
}

test("a leaf whose signature was altered is refused, by openssl too", async () => {
  const leaf = new X509Certificate(bendSignature(honest));
  assert.equal(verdictOf(leaf), "pki.chain_bad_signature");
  const answer = await askOpenssl(question(leaf, agents.certificate));
  assert.equal(answer, "certificate signature failure");
});

test("a leaf whose content was altered is refused", () => {
  const der = Buffer.from(honest.raw);
  const at = der.indexOf(Buffer.from("/agent/"));
  der.write("b", der.indexOf("a", at + "/agent/".length));
  const leaf = new X509Certificate(der);
  assert.notEqual(leaf.subjectAltName, honest.subjectAltName);
  assert.equal(verdictOf(leaf), "pki.chain_bad_signature");
});

test("an intermediate whose signature was altered is refused", () => {
  const issuer = new X509Certificate(bendSignature(agents.certificate));
  assert.equal(verdictOf(honest, issuer), "pki.chain_bad_signature");
});

test("A17: a revoked leaf stays revoked when its signature is turned into its twin", () => {
  const twin = new X509Certificate(flipSignature(honest.raw));
  assert.notEqual(twin.fingerprint256, honest.fingerprint256);
  assert.equal(verdictOf(twin), "accepted", "the twin's signature is right");
  const isRevoked = (_issuer: string, serial: string): boolean => serial === serialOf(honest);
  const verdict = verifyChain({ ...question(twin, agents.certificate), isRevoked });
  assert.equal(verdict.ok ? "accepted" : verdict.error.code, "pki.chain_revoked");
});

const WEAK_KEYS: [string, () => KeyPair][] = [
  ["RSA of 1,024 bits", () => generateKeyPairSync("rsa", { modulusLength: 1024 })],
  ["RSA of 4,104 bits", () => generateKeyPairSync("rsa", { modulusLength: 4104 })],
  ["P-224", () => generateKeyPairSync("ec", { namedCurve: "secp224r1" })],
  ["secp256k1", () => generateKeyPairSync("ec", { namedCurve: "secp256k1" })],
];

for (const [what, makeKeys] of WEAK_KEYS) {
  test(`a leaf and an authority with a key of ${what} are refused`, () => {
    const keys = makeKeys();
    const leaf = forge({ issuer: agents, keys }).certificate;
    assert.equal(verdictOf(leaf), "pki.chain_weak_key");
    const issuer = forge({ issuer: root, keys, authority: anyHost });
    const under = forge({ issuer }).certificate;
    assert.equal(verdictOf(under, issuer.certificate), "pki.chain_weak_key");
  });
}

test("P-384 and RSA of 2,048 and 4,096 bits are accepted, as leaf and as authority", () => {
  const accepted = [
    generateKeyPairSync("ec", { namedCurve: "P-384" }),
    generateKeyPairSync("rsa", { modulusLength: 2048 }),
    generateKeyPairSync("rsa", { modulusLength: 4096 }),
  ];
  for (const keys of accepted) {
    const issuer = forge({ issuer: root, keys, authority: anyHost });
    const leaf = forge({ issuer, keys: { ...keys } }).certificate;
    assert.equal(verdictOf(leaf, issuer.certificate), "accepted");
  }
});

/** (r, s) and (r, n - s) sign the same bytes (SEC 1 section 4.1.4): anyone can make the other without the key. */
function flipSignature(der: Buffer): Buffer {
  const certificate = AsnConvert.parse(der, Certificate);
  const [r, s] = splitSignature(new Uint8Array(certificate.signatureValue));
  const other = P256_ORDER - BigInt(`0x${s.toString("hex")}`);
  const flipped = derInteger(Buffer.from(other.toString(16).padStart(64, "0"), "hex"));
  const body = Buffer.concat([derInteger(r), flipped]);
  certificate.signatureValue = Uint8Array.from([0x30, body.length, ...body]).buffer;
  return Buffer.from(AsnConvert.serialize(certificate));
}

/** ECDSA-Sig-Value of P-256 (RFC 3279 section 2.2.3): every length fits one octet. */
function splitSignature(der: Uint8Array): [Buffer, Buffer] {
  const bytes = Buffer.from(der);
  const lengthOfR = bytes[3] ?? 0;
  const r = bytes.subarray(4, 4 + lengthOfR);
  const s = bytes.subarray(4 + lengthOfR + 2);
  return [r, s];
}

function derInteger(digits: Buffer): Buffer {
  const start = digits.findIndex((each) => each !== 0);
  const trimmed = digits.subarray(start);
  const content = (trimmed[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), trimmed]) : trimmed;
  return Buffer.concat([Buffer.of(2, content.length), content]);
}
