import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { createCsr } from "./csr.ts";
import { readCsr } from "./csr-reader.ts";
import { AGENT_ID } from "./fixture-fleet.test.ts";
import { openssl, opensslRemark } from "./fixture-openssl.test.ts";
import { createKeyPair, importPrivateKey, type KeyPair, spkiPin } from "./keys.ts";

const KEYS: [string, () => KeyPair][] = [
  ["P-256", () => createKeyPair("p256")],
  ["Ed25519", () => createKeyPair("ed25519")],
  ["P-384", () => generateKeyPairSync("ec", { namedCurve: "P-384" })],
  ["RSA of 2,048 bits", () => generateKeyPairSync("rsa", { modulusLength: 2048 })],
  ["RSA of 4,096 bits", () => generateKeyPairSync("rsa", { modulusLength: 4096 })],
];

for (const [what, makeKeys] of KEYS) {
  test(`a request with a key of ${what} gives that key, and openssl finds it well signed`, async () => {
    const { privateKey, publicKey } = makeKeys();
    for (const pem of [createCsr(privateKey), createCsr(privateKey, AGENT_ID)]) {
      const requested = readCsr(pem, { agentId: AGENT_ID });
      assert.ok(requested.publicKey.equals(publicKey));
      assert.deepEqual(requested.pin, spkiPin(publicKey));
      const check = ["req", "-verify", "-noout"];
      const remark = await withTempFolder((folder) => opensslRemark(folder, check, pem));
      assert.equal(remark, "Certificate request self-signature verify OK\n");
    }
  });
}

test("the subject is empty or the agent's id, as asked", async () => {
  const { privateKey } = createKeyPair("p256");
  const show = ["req", "-noout", "-subject"];
  await withTempFolder((folder) => {
    assert.equal(openssl(folder, show, createCsr(privateKey)), "subject=\n");
    const named = openssl(folder, show, createCsr(privateKey, AGENT_ID));
    assert.equal(named, `subject=CN = ${AGENT_ID}\n`);
  });
});

const MADE_BY_OPENSSL: [string, readonly string[], readonly string[]][] = [
  ["P-256", ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], []],
  ["P-384, SHA-512", ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"], ["-sha512"]],
  ["Ed25519", ["ED25519"], []],
  ["RSA, old header", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"], ["-newhdr"]],
];

for (const [what, keyKind, options] of MADE_BY_OPENSSL) {
  test(`a request made by openssl is read: ${what}`, async () => {
    await withTempFolder((folder) => {
      const key = openssl(folder, ["genpkey", "-algorithm", ...keyKind, "-out", "key.pem"]);
      assert.equal(key, "");
      const make = ["req", "-new", "-key", "key.pem", "-subj", `/CN=${AGENT_ID}`, ...options];
      const { pin } = readCsr(openssl(folder, make), { agentId: AGENT_ID });
      const privateKey = importPrivateKey(openssl(folder, ["pkey", "-in", "key.pem"]));
      assert.deepEqual(pin, spkiPin(privateKey));
    });
  });
}
