import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { OctetString } from "@peculiar/asn1-schema";
import { id_ce_subjectAltName } from "@peculiar/asn1-x509";
import type { Authority } from "./authority.ts";
import { verifyChain, type VerifyChainOptions } from "./chain.ts";
import { writeExtension } from "./extension-writer.ts";
import { agentProfile, createFleet, hoursLater, issueLeaf } from "./fixture-fleet.test.ts";
import { type Forgery, forge, forgeRoot } from "./fixture-forgery.test.ts";
import { createKeyPair } from "./keys.ts";

const { agents, root } = createFleet();
const client = issueLeaf(agents, agentProfile("agent-client"));
/** A root without limits, to hang odd chains from. */
const wide = forgeRoot(root);
const deep = { pathLength: 9, urisOnly: false };

function verdictOf(
  leaf: X509Certificate,
  issuers: readonly Authority[],
  options: Partial<VerifyChainOptions> = {},
): string {
  const verdict = verifyChain({
    leaf,
    intermediates: issuers.map((each) => each.certificate),
    roots: [wide.certificate],
    at: hoursLater(1),
    purpose: "client",
    ...options,
  });
  return verdict.ok
    ? "accepted"
    : `${verdict.error.code}: ${String(verdict.error.detail["reason"])}`;
}

/** Authorities one below the other, the highest first. */
function forgeLadder(count: number): Forgery[] {
  const ladder: Forgery[] = [];
  for (let step = 0; step < count; step += 1) {
    const issuer = ladder.at(-1) ?? wide;
    ladder.push(forge({ issuer, authority: deep, commonName: `Step ${step}` }));
  }
  return ladder;
}

test("a path of five certificates is accepted, one of six is not", () => {
  for (const [count, expected] of [
    [3, "accepted"],
    [4, "pki.chain_too_long: more than 5 certificates in one path"],
  ] as const) {
    const ladder = forgeLadder(count);
    const leaf = forge({ issuer: ladder.at(-1) ?? wide }).certificate;
    assert.equal(verdictOf(leaf, ladder), expected);
  }
});

test("16 certificates are accepted, 17 are not, as sent and as trusted", () => {
  const strangers = Array.from({ length: 16 }, () => forge({ issuer: agents }));
  const sent = [agents, ...strangers.slice(0, 14)];
  const roots = [root, ...strangers.slice(0, 15)].map((each) => each.certificate);
  const tooMany = "pki.chain_too_long: more than 16 certificates";
  assert.equal(verdictOf(client, sent, { roots }), "accepted");
  assert.equal(verdictOf(client, [...sent, wide], { roots }), tooMany);
  assert.equal(verdictOf(client, sent, { roots: [...roots, wide.certificate] }), tooMany);
});

test("authorities that all certify each other end after a bounded number of signature checks", () => {
  const keys = createKeyPair("p256");
  const name = { keys, authority: deep, commonName: "Mesh" };
  const seed = forge({ issuer: wide, ...name });
  const mesh = Array.from({ length: 15 }, () => forge({ issuer: seed, ...name }));
  const leaf = forge({ issuer: seed }).certificate;
  assert.match(verdictOf(leaf, mesh), /^pki\.chain_too_long/);
});

test("two authorities that certify each other make no endless path", () => {
  const one = forge({ issuer: wide, authority: deep, commonName: "One" });
  const two = forge({ issuer: one, authority: deep, commonName: "Two" });
  const back = forge({
    issuer: two,
    authority: deep,
    commonName: "One",
    keys: { publicKey: one.publicKey, privateKey: one.privateKey },
  });
  const leaf = forge({ issuer: two }).certificate;
  assert.equal(verdictOf(leaf, [two, back]), "pki.chain_untrusted: undefined");
  assert.equal(verdictOf(leaf, [two, back, one]), "accepted");
});

test("a self-signed leaf is refused even when it stands among the roots", () => {
  const keys = createKeyPair("p256");
  const seed = forge({ issuer: wide, keys, authority: deep, commonName: "Self" });
  const { certificate } = forge({ issuer: seed, keys, commonName: "Self" });
  assert.equal(certificate.verify(keys.publicKey), true);
  assert.equal(certificate.issuer, certificate.subject);
  const verdict = verdictOf(certificate, [], { roots: [certificate] });
  assert.equal(verdict, "pki.chain_untrusted: undefined");
});

test("an unreadable certificate among those sent is passed over, an unreadable leaf is told", () => {
  const broken = forge({
    issuer: wide,
    without: [id_ce_subjectAltName],
    extra: [writeExtension(id_ce_subjectAltName, new OctetString(3))],
  });
  assert.equal(verdictOf(client, [broken, agents], { roots: [root.certificate] }), "accepted");
  assert.match(
    verdictOf(broken.certificate, []),
    /^pki\.chain_malformed: the extension 2\.5\.29\.17/,
  );
});

test("an issuer whose key cannot have made the signature is none", () => {
  const name = { issuer: wide, authority: deep, commonName: "Same" };
  const rightful = forge(name);
  const stranger = forge({ ...name, keys: createKeyPair("ed25519") });
  const leaf = forge({ issuer: rightful }).certificate;
  assert.match(verdictOf(leaf, [stranger]), /^pki\.chain_bad_signature/);
  assert.equal(verdictOf(leaf, [stranger, rightful]), "accepted");
});

test("an extension that stands twice is refused", () => {
  const again = writeExtension(id_ce_subjectAltName, new OctetString(3));
  const { certificate } = forge({ issuer: wide, extra: [again] });
  assert.match(
    verdictOf(certificate, []),
    /^pki\.chain_malformed: an extension stands in it twice/,
  );
});

test("a certificate of more than 16 KiB is refused unread", () => {
  const extra = [writeExtension("1.3.6.1.4.1.99999.1", new OctetString(16 * 1024))];
  const { certificate } = forge({ issuer: wide, extra });
  assert.match(verdictOf(certificate, []), /^pki\.chain_malformed: it is larger than 16384 bytes/);
});

test("a serial number of zero or more than 20 octets is refused, one of 20 octets is accepted", () => {
  const cases: [Uint8Array, RegExp][] = [
    [Buffer.alloc(16), /^pki\.chain_malformed: its serial number/],
    [Buffer.alloc(21, 0x7f), /^pki\.chain_malformed: its serial number/],
    [Buffer.alloc(20, 0xff), /^accepted/],
  ];
  for (const [serial, expected] of cases) {
    assert.match(verdictOf(forge({ issuer: wide, serial }).certificate, []), expected);
  }
});
