import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { GeneralName, GeneralNames, id_ce_subjectAltName } from "@peculiar/asn1-x509";
import { verifyChain } from "./chain.ts";
import type { ExpectedName } from "./chain-question.ts";
import { writeExtension } from "./extension-writer.ts";
import {
  AGENT_ID,
  AGENT_SPIFFE_ID,
  CENTRAL_SPIFFE_ID,
  centralProfile,
  createFleet,
  hoursLater,
  issueLeaf,
  OTHER_AGENT_ID,
  TRUST_DOMAIN,
} from "./fixture-fleet.test.ts";
import { forge, forgeRoot } from "./fixture-forgery.test.ts";

const fleet = createFleet();
const wide = forgeRoot(fleet.root);
const HOST = `default.${TRUST_DOMAIN}`;

function verdictOf(leaf: X509Certificate, expect: ExpectedName = {}): string {
  const verdict = verifyChain({
    leaf,
    intermediates: [],
    roots: [wide.certificate],
    at: hoursLater(1),
    purpose: "client",
    expect,
  });
  return verdict.ok ? "accepted" : verdict.error.code;
}

/** A leaf with these URIs, under a root that limits no names. */
function withUris(...uris: string[]): X509Certificate {
  const names = uris.map((uri) => new GeneralName({ uniformResourceIdentifier: uri }));
  const extension = writeExtension(id_ce_subjectAltName, new GeneralNames(names));
  return forge({ issuer: wide, without: [id_ce_subjectAltName], extra: [extension] }).certificate;
}

const REFUSED_IDS = [
  `spiffe://${HOST}/agent/${AGENT_ID}/`,
  `spiffe://${HOST}/agent/${AGENT_ID.toUpperCase()}`,
  `SPIFFE://${HOST}/agent/${AGENT_ID}`,
  ` spiffe://${HOST}/agent/${AGENT_ID}`,
  `spiffe://${HOST.toUpperCase()}/agent/${AGENT_ID}`,
  `spiffe://${HOST}//agent/${AGENT_ID}`,
  `spiffe://${HOST}/x/../agent/${AGENT_ID}`,
  `spiffe://${HOST}/agent/%2e%2e`,
  `spiffe://${HOST}:443/agent/${AGENT_ID}`,
  `spiffe://someone@${HOST}/agent/${AGENT_ID}`,
  `spiffe://${HOST}/agent/${AGENT_ID}?x`,
  `spiffe://${HOST}/agent/${AGENT_ID}#x`,
  `spiffe://${HOST}/agent/${AGENT_ID}\0`,
  `spiffe://${HOST}/agent/${"0".repeat(2048)}`,
  `spiffe://${HOST}/agent`,
  `spiffe://${HOST}/operator/x`,
  `spiffe://${HOST}`,
  "spiffe:",
];

for (const id of REFUSED_IDS) {
  test(`A13: the SPIFFE ID '${id.slice(0, 80)}' is refused even when nobody is expected`, () => {
    assert.equal(verdictOf(withUris(id)), "pki.chain_wrong_name");
  });
}

test("a SPIFFE ID beside another URI is refused, whatever their order", () => {
  const other = "https://example.org/";
  const second = `spiffe://${HOST}/agent/${OTHER_AGENT_ID}`;
  for (const uris of [
    [AGENT_SPIFFE_ID, other],
    [other, AGENT_SPIFFE_ID],
    [AGENT_SPIFFE_ID, second],
    [AGENT_SPIFFE_ID, AGENT_SPIFFE_ID],
  ]) {
    assert.equal(verdictOf(withUris(...uris)), "pki.chain_wrong_name");
  }
});

test("a leaf without a SPIFFE ID is nobody's, and is accepted only where nobody is expected", () => {
  const leaf = withUris("https://example.org/");
  assert.equal(verdictOf(leaf), "accepted");
  assert.equal(verdictOf(leaf, { kind: "agent" }), "pki.chain_wrong_name");
  assert.equal(verdictOf(leaf, { trustDomain: TRUST_DOMAIN }), "pki.chain_wrong_name");
  assert.equal(verdictOf(leaf, { spiffeId: "https://example.org/" }), "pki.chain_wrong_name");
});

test("each field that is expected must hold", () => {
  const agent = withUris(AGENT_SPIFFE_ID);
  const cases: [ExpectedName, boolean][] = [
    [{ spiffeId: AGENT_SPIFFE_ID }, true],
    [{ spiffeId: `spiffe://${HOST}/agent/${OTHER_AGENT_ID}` }, false],
    [{ spiffeId: CENTRAL_SPIFFE_ID }, false],
    [{ spiffeId: "" }, false],
    [{ kind: "agent" }, true],
    [{ kind: "central" }, false],
    [{ kind: "agent", trustDomain: TRUST_DOMAIN }, true],
    [{ kind: "agent", trustDomain: "example.org" }, false],
    [{ spiffeId: AGENT_SPIFFE_ID, dnsName: "example.org" }, false],
  ];
  for (const [expect, holds] of cases) {
    const verdict = verdictOf(agent, expect);
    assert.equal(verdict, holds ? "accepted" : "pki.chain_wrong_name", JSON.stringify(expect));
  }
});

test("A16: a trust domain inside another's namespace is told apart by the expected trust domain", () => {
  // The agents of namespace "default" live on this host; to a trust domain of that name it is its central's.
  const confusable = withUris(`spiffe://${HOST}/central`);
  assert.equal(verdictOf(confusable, { kind: "central" }), "accepted");
  const expect = { kind: "central", trustDomain: TRUST_DOMAIN } as const;
  assert.equal(verdictOf(confusable, expect), "pki.chain_wrong_name");
});

test("hosts and addresses are taken from the subject alternative name, exactly", () => {
  const leaf = issueLeaf(
    fleet.services,
    centralProfile({
      dnsNames: ["central.example.org"],
      ipAddresses: ["192.0.2.1", "2001:db8::1"],
    }),
  );
  const cases: [ExpectedName, boolean][] = [
    [{ dnsName: "central.example.org" }, true],
    [{ dnsName: "Central.Example.ORG" }, true],
    [{ dnsName: ".example.org" }, false],
    [{ dnsName: "example.org" }, false],
    [{ dnsName: "central.example.org." }, false],
    [{ dnsName: "" }, false],
    [{ dnsName: "192.0.2.1" }, false],
    [{ ipAddress: "192.0.2.1" }, true],
    [{ ipAddress: "2001:0db8:0::0001" }, true],
    [{ ipAddress: "192.0.2.2" }, false],
    [{ ipAddress: "::ffff:192.0.2.1" }, false],
    [{ ipAddress: "" }, false],
    [{ ipAddress: "central.example.org" }, false],
  ];
  for (const [expect, holds] of cases) {
    const verdict = verifyChain({
      leaf,
      intermediates: [fleet.services.certificate],
      roots: [fleet.root.certificate],
      at: hoursLater(1),
      purpose: "server",
      expect,
    });
    assert.equal(verdict.ok, holds, JSON.stringify(expect));
  }
});

test("a wildcard in a certificate matches no host", () => {
  const leaf = { purpose: "server", uri: CENTRAL_SPIFFE_ID, dnsNames: ["*.example.org"] } as const;
  const { certificate } = forge({ issuer: wide, leaf: { ...leaf } });
  const verdict = verifyChain({
    leaf: certificate,
    intermediates: [],
    roots: [wide.certificate],
    at: hoursLater(1),
    purpose: "server",
    expect: { dnsName: "central.example.org" },
  });
  assert.equal(verdict.ok ? "accepted" : verdict.error.code, "pki.chain_wrong_name");
});
