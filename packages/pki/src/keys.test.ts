import assert from "node:assert/strict";
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { agentProfile, createFleet, issueLeaf } from "./fixture-fleet.test.ts";
import { openssl } from "./fixture-openssl.test.ts";
import {
  createKeyPair,
  exportPrivateKey,
  exportPublicKey,
  importPrivateKey,
  importPublicKey,
  spkiPin,
} from "./keys.ts";
import { encodePemBlock, toPem } from "./pem.ts";

function codeOf(use: () => KeyObject): string {
  try {
    use();
    return "accepted";
  } catch (error) {
    if (!(error instanceof TautlineError)) throw error;
    return error.code;
  }
}

for (const kind of ["p256", "ed25519"] as const) {
  test(`a key of kind ${kind} survives its export, and openssl reads it`, async () => {
    const { privateKey, publicKey } = createKeyPair(kind);
    const privatePem = exportPrivateKey(privateKey);
    const publicPem = exportPublicKey(publicKey);
    assert.ok(importPrivateKey(privatePem).equals(privateKey));
    assert.ok(importPublicKey(publicPem).equals(publicKey));
    await withTempFolder((folder) => {
      assert.equal(openssl(folder, ["pkey", "-pubout"], privatePem), publicPem);
    });
  });
}

test("every made key is another one", () => {
  const keys = [createKeyPair("p256"), createKeyPair("p256")].map((each) => each.publicKey);
  assert.notDeepEqual(...(keys.map(exportPublicKey) as [string, string]));
});

test("private keys in the older forms SEC 1 and PKCS#1 are read as well", () => {
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const sec1 = ec.export({ type: "sec1", format: "pem" });
  const pkcs1 = rsa.export({ type: "pkcs1", format: "pem" });
  assert.ok(importPrivateKey(sec1).equals(ec));
  assert.ok(importPrivateKey(pkcs1).equals(rsa));
});

test("what is not one private key is refused", () => {
  const { privateKey, publicKey } = createKeyPair("p256");
  const pem = exportPrivateKey(privateKey);
  const cipher = "aes-256-cbc";
  const sealed = privateKey.export({ type: "pkcs8", format: "pem", cipher, passphrase: "x" });
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
  const cases: [string, string][] = [
    ["", "pki.key_malformed"],
    [exportPublicKey(publicKey), "pki.key_malformed"],
    [pem + pem, "pki.key_malformed"],
    [sealed, "pki.key_malformed"],
    [pem.replace(/[A-Za-z0-9+/]{8}\n/, "AAAAAAAA\n"), "pki.key_malformed"],
    [pem.slice(0, -20), "pki.pem_malformed"],
    [exportPrivateKey(weak), "pki.key_not_accepted"],
  ];
  for (const [text, code] of cases)
    assert.equal(
      codeOf(() => importPrivateKey(text)),
      code,
      text,
    );
});

test("what is not one public key is refused, though Node would derive one", () => {
  const { agents } = createFleet();
  const { privateKey, publicKey } = createKeyPair("p256");
  const weak = generateKeyPairSync("ec", { namedCurve: "secp224r1" }).publicKey;
  const cases: [string, string][] = [
    [exportPrivateKey(privateKey), "pki.key_malformed"],
    [toPem([agents.certificate]), "pki.key_malformed"],
    [exportPublicKey(publicKey) + exportPublicKey(publicKey), "pki.key_malformed"],
    [exportPublicKey(weak), "pki.key_not_accepted"],
  ];
  for (const [text, code] of cases)
    assert.equal(
      codeOf(() => importPublicKey(text)),
      code,
      text,
    );
});

test("an RSA key whose public half was bent is refused", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const der = privateKey.export({ type: "pkcs1", format: "der" });
  // Within the modulus, which begins after some 11 octets of headers and is 256 octets long.
  for (const at of [30, 100, 260]) {
    const bent = Buffer.from(der);
    bent[at] = (bent[at] ?? 0) ^ 2;
    const pem = encodePemBlock("RSA PRIVATE KEY", bent);
    assert.equal(
      codeOf(() => importPrivateKey(pem)),
      "pki.key_malformed",
      `octet ${at}`,
    );
  }
});

test("no refusal repeats key material", () => {
  const pem = exportPrivateKey(createKeyPair("p256").privateKey).replace("M", "N");
  const body = pem.split("\n").slice(1, -2).join("");
  try {
    importPrivateKey(pem);
    assert.fail("a bent key was read");
  } catch (error) {
    assert.ok(error instanceof TautlineError);
    const shown = `${error.message} ${error.remedy} ${String(error.cause)}`;
    assert.ok(!shown.includes(body.slice(8, 24)), shown);
  }
});

test("the pin is SHA-256 of the SPKI, the same from both halves and from a certificate", async () => {
  const { agents } = createFleet();
  const { privateKey, publicKey } = createKeyPair("p256");
  const leaf = issueLeaf(agents, agentProfile("agent-client"), publicKey);
  const spki = publicKey.export({ type: "spki", format: "der" });
  const expected = createHash("sha256").update(spki).digest();
  for (const source of [privateKey, publicKey, leaf]) assert.deepEqual(spkiPin(source), expected);
  assert.equal(createPrivateKey(exportPrivateKey(privateKey)).type, "private");
});
