import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { before, describe, it } from "node:test";
import { createOpensslPki, withTempFolder, type OpensslOrder } from "@tautline/testing";
import { verifyChain, verifyTrustedLeaf, type ChainVerdict } from "./chain.ts";
import { certificatesFromPem } from "./pem.ts";

const CA = "basicConstraints=critical,CA:TRUE";
const LEAF = "basicConstraints=CA:FALSE";
const made = new Map<string, X509Certificate>();

/** What each certificate has, by its name; issued by "root" unless it signs itself. */
const ORDERS: readonly (OpensslOrder & { readonly isSelfSigned?: boolean })[] = [
  { name: "plain", extensions: [LEAF] },
  { name: "server", extensions: ["extendedKeyUsage=serverAuth"] },
  { name: "any", extensions: ["extendedKeyUsage=anyExtendedKeyUsage"] },
  { name: "code", extensions: ["extendedKeyUsage=codeSigning"] },
  { name: "authority", extensions: [CA] },
  { name: "self", extensions: [CA], isSelfSigned: true },
  { name: "self-client", extensions: [LEAF, "extendedKeyUsage=clientAuth"], isSelfSigned: true },
  { name: "weak", key: "rsa1024", extensions: [LEAF], isSelfSigned: true },
];

function keep(name: string, pem: string): void {
  const [certificate] = certificatesFromPem(pem);
  if (certificate !== undefined) made.set(name, certificate);
}

before(() =>
  withTempFolder((folder) => {
    const pki = createOpensslPki(folder);
    const root = pki.issue({ name: "root", extensions: [CA] });
    const signing = pki.issue({ name: "signs-crls", extensions: [CA, "keyUsage=cRLSign"] });
    keep("root", root.certificatePem);
    keep("signs-crls", signing.certificatePem);
    for (const { isSelfSigned, ...order } of ORDERS) {
      keep(order.name, pki.issue(isSelfSigned ? order : { ...order, issuer: root }).certificatePem);
    }
    const below = pki.issue({ name: "below", issuer: signing, extensions: [LEAF] });
    keep("below", below.certificatePem);
  }),
);

function certificate(name: string): X509Certificate {
  const found = made.get(name);
  assert.ok(found !== undefined, name);
  return found;
}

function codeOf(verdict: ChainVerdict): string {
  return verdict.ok ? "accepted" : verdict.error.code;
}

function judge(
  name: string,
  rules: "own" | "existing" | undefined,
  root = "root",
  purpose: "server" | "client" = "server",
): string {
  const verdict = verifyChain({
    leaf: certificate(name),
    intermediates: [],
    roots: [certificate(root)],
    at: new Date(),
    purpose,
    ...(rules && { rules }),
  });
  return codeOf(verdict);
}

describe("a chain of an existing PKI, made by openssl with nothing but what was asked for", () => {
  const table: readonly [string, string, string][] = [
    ["plain", "accepted", "pki.chain_not_a_ca"],
    ["any", "accepted", "pki.chain_not_a_ca"],
    ["server", "accepted", "pki.chain_not_a_ca"],
    ["code", "pki.chain_wrong_purpose", "pki.chain_not_a_ca"],
    ["authority", "pki.chain_wrong_purpose", "pki.chain_not_a_ca"],
  ];
  for (const [name, existing, own] of table) {
    it(`'${name}' as server: ${existing} by RFC 5280, ${own} by our own rules`, () => {
      assert.equal(judge(name, "existing"), existing);
      assert.equal(judge(name, "own"), own);
      assert.equal(judge(name, undefined), own);
    });
  }

  it("a server's certificate is no client's, and an authority whose key usage leaves signing out is none (A16)", () => {
    assert.equal(judge("server", "existing", "root", "client"), "pki.chain_wrong_purpose");
    assert.equal(judge("plain", "existing", "root", "client"), "accepted");
    assert.equal(judge("below", "existing", "signs-crls"), "pki.chain_not_a_ca");
  });
});

function trusted(name: string, purpose: "server" | "client" = "server", at = new Date()): string {
  return codeOf(verifyTrustedLeaf(certificate(name), { at, purpose, rules: "existing" }));
}

describe("a leaf that is trusted itself", () => {
  it("is judged by strength, purpose and time all the same", () => {
    assert.equal(trusted("self"), "accepted");
    assert.equal(trusted("plain"), "accepted");
    assert.equal(trusted("self-client"), "pki.chain_wrong_purpose");
    assert.equal(trusted("self-client", "client"), "accepted");
    assert.equal(trusted("weak"), "pki.chain_weak_key");
    assert.equal(
      trusted("self", "server", new Date(Date.now() + 40 * 86_400_000)),
      "pki.chain_expired",
    );
    assert.equal(trusted("self", "server", new Date(0)), "pki.chain_not_yet_valid");
  });
});
