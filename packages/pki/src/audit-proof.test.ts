import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { isTautlineError, parseAuditCheckpoint, type SignedCheckpoint } from "@tautline/protocol";
import { createTestAuthority, createTestTrail } from "@tautline/testing";
import * as fc from "fast-check";
import { checkpointHash, openCheckpoint, signCheckpoint } from "./audit-proof.ts";
import { createKeyPair, exportPublicKey } from "./keys.ts";

const authority = createTestAuthority();
const trail = createTestTrail({ authority }).grow(3).sign();
const [signed] = trail.checkpoints;
assert.ok(signed);
const roots = [new X509Certificate(authority.rootPem)];
const trust = { roots, trustDomain: "fleet.test" };

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return "none";
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    return error.code;
  }
};
const opened = (one: SignedCheckpoint, by = trust): string => codeOf(() => openCheckpoint(one, by));

describe("a checkpoint", () => {
  test("is proven by the root alone, and named by the SHA-256 of its text", () => {
    const { checkpoint, hash } = openCheckpoint(signed, trust);
    assert.equal(checkpoint.seq, 3);
    assert.equal(checkpoint.head, trail.entries.at(-1)?.hash);
    assert.equal(hash, checkpointHash(signed.body));
  });

  const foreign = createTestTrail().grow(3).sign().checkpoints[0] ?? assert.fail();
  const elsewhere = createTestTrail({ authority, central: "00000000-0000-4000-8000-0000000000c2" });
  const otherCentral = elsewhere.grow(3).sign().checkpoints[0] ?? assert.fail();
  const { privateKey, publicKey } = createKeyPair("ed25519");
  const parts = parseAuditCheckpoint(signed.body);
  const byOtherKey = signCheckpoint(privateKey, parts);
  const { spki } = { spki: exportPublicKey(publicKey) };
  const forged: [name: string, one: SignedCheckpoint, code: string][] = [
    ["of another root", foreign, "audit.checkpoint_unproven"],
    ["by a key that no root certified", { ...signed, ...byOtherKey }, "audit.checkpoint_unproven"],
    [
      "with the key of another central",
      { ...signed, key: otherCentral.key },
      "audit.checkpoint_unproven",
    ],
    [
      "with another root's word on its key",
      { ...signed, key: foreign.key },
      "audit.checkpoint_unproven",
    ],
    [
      "whose key statement was made for something else",
      { ...signed, key: { body: signed.body, signature: signed.signature } },
      "audit.checkpoint_malformed",
    ],
    [
      "without a signature",
      { ...signed, signature: new Uint8Array() },
      "audit.checkpoint_unproven",
    ],
    [
      "with a public key in PEM",
      { ...signed, key: { ...signed.key, body: spki } },
      "audit.checkpoint_malformed",
    ],
  ];
  for (const [name, one, code] of forged) {
    test(`is refused ${name}`, () => assert.equal(opened(one), code));
  }

  test("is refused of another trust domain, and with no root at all", () => {
    assert.equal(opened(signed, { roots, trustDomain: "other.test" }), "audit.checkpoint_unproven");
    assert.equal(
      opened(signed, { roots: [], trustDomain: "fleet.test" }),
      "audit.checkpoint_unproven",
    );
  });

  test("F12: any single changed byte of text, key or signatures is found", () => {
    const places = {
      body: Buffer.from(signed.body),
      signature: Buffer.from(signed.signature),
      keyBody: Buffer.from(signed.key.body),
      keySignature: Buffer.from(signed.key.signature),
    };
    const where = fc.constantFrom("body", "signature", "keyBody", "keySignature");
    fc.assert(
      fc.property(where, fc.nat(), fc.integer({ min: 1, max: 255 }), (part, at, flip) => {
        const bytes = Buffer.from(places[part]);
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ flip;
        const of = (name: keyof typeof places): Buffer => (name === part ? bytes : places[name]);
        const changed: SignedCheckpoint = {
          body: of("body").toString("utf8"),
          signature: of("signature"),
          key: { body: of("keyBody").toString("utf8"), signature: of("keySignature") },
        };
        assert.match(opened(changed), /^audit\.checkpoint_/);
      }),
      { numRuns: 400 },
    );
  });
});
