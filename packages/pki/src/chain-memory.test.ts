import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { readFacts } from "./certificate-facts.ts";
import { verifyChain, type ChainVerdict } from "./chain.ts";
import { agentProfile, createFleet, hoursLater, issueLeaf } from "./fixture-fleet.test.ts";
import { bendSignature } from "./fixture-forgery.test.ts";

const { agents, otherAgents, root } = createFleet();
const honest = issueLeaf(agents, agentProfile("agent-client"));

interface Question {
  readonly leaf?: X509Certificate;
  readonly intermediate?: X509Certificate;
  readonly hours?: number;
  readonly isRevoked?: () => boolean;
}

/** A handshake's objects: new ones each time, of the same bytes. */
function verify({
  leaf = honest,
  intermediate = agents.certificate,
  hours = 1,
  isRevoked,
}: Question = {}): ChainVerdict {
  return verifyChain({
    leaf: new X509Certificate(leaf.raw),
    intermediates: [new X509Certificate(intermediate.raw)],
    roots: [root.certificate],
    at: hoursLater(hours),
    purpose: "client",
    ...(isRevoked === undefined ? {} : { isRevoked }),
  });
}

function codeOf(verdict: ChainVerdict): string {
  return verdict.ok ? "accepted" : verdict.error.code;
}

test("the same bytes as another object give the same facts, about that object", () => {
  const [one, other] = [new X509Certificate(honest.raw), new X509Certificate(honest.raw)];
  const { certificate, publicKey, ...facts } = readFacts(one);
  const { certificate: otherCertificate, publicKey: otherKey, ...otherFacts } = readFacts(other);
  assert.deepEqual(otherFacts, facts);
  assert.equal(certificate, one);
  assert.equal(otherCertificate, other);
  assert.ok(publicKey.equals(otherKey));
});

test("the path of an accepted chain holds the objects that were asked about", () => {
  verify();
  const leaf = new X509Certificate(honest.raw);
  const verdict = verifyChain({
    leaf,
    intermediates: [agents.certificate],
    roots: [root.certificate],
    at: hoursLater(1),
    purpose: "client",
  });
  assert.ok(verdict.ok);
  assert.equal(verdict.path[0], leaf);
});

/** Each is asked after the honest chain was accepted, twice: nothing that is remembered lets it in, the second time neither. */
const AFTERWARDS: [what: string, question: Question, code: string][] = [
  [
    "a leaf with another signature",
    { leaf: new X509Certificate(bendSignature(honest)) },
    "pki.chain_bad_signature",
  ],
  [
    "an intermediate with another signature",
    { intermediate: new X509Certificate(bendSignature(agents.certificate)) },
    "pki.chain_bad_signature",
  ],
  [
    "the honest leaf under another intermediate",
    { intermediate: otherAgents.certificate },
    "pki.chain_untrusted",
  ],
  ["the honest chain after its end", { hours: 25 }, "pki.chain_expired"],
  ["the honest chain before its beginning", { hours: -24 }, "pki.chain_not_yet_valid"],
  ["the honest chain once it is revoked", { isRevoked: () => true }, "pki.chain_revoked"],
];

for (const [what, question, code] of AFTERWARDS) {
  test(`A17: ${what} is refused although the honest chain is remembered`, () => {
    assert.equal(codeOf(verify()), "accepted");
    assert.equal(codeOf(verify(question)), code);
    assert.equal(codeOf(verify(question)), code);
    assert.equal(codeOf(verify()), "accepted");
  });
}
