import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { createKeyPair } from "@tautline/pki";
import { flipSignature } from "./flip-signature.ts";
import { createTestAuthority } from "./test-authority.ts";

test("A17: a flipped certificate has the serial, key and issuer of the first, verifies as well, and is other bytes", () => {
  const now = Date.now();
  const authority = createTestAuthority({ trustDomain: "fleet.test", now: () => now });
  // Some signatures are longer than others; none may be written wrongly.
  for (let round = 0; round < 20; round += 1) {
    const pem = authority.issueAgentLeaf({
      namespace: "default",
      agentId: "0197d3b1-7c00-7abc-8def-0123456789ab",
      publicKey: createKeyPair("p256").publicKey,
      purpose: "client",
    });
    const [leaf, issuer] = pem
      .split(/(?<=-----END CERTIFICATE-----\n)/)
      .map((each) => new X509Certificate(each));
    assert.ok(leaf !== undefined && issuer !== undefined);
    const flipped = flipSignature(leaf);
    assert.notEqual(flipped.fingerprint256, leaf.fingerprint256);
    assert.deepEqual(
      [flipped.serialNumber, flipped.issuer, flipped.publicKey.equals(leaf.publicKey)],
      [leaf.serialNumber, leaf.issuer, true],
    );
    assert.equal(flipped.verify(issuer.publicKey), true);
    assert.deepEqual(flipSignature(flipped).raw, leaf.raw);
  }
});
