import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { spiffeIdOf, verifyChain, type VerifyChainOptions } from "./chain.ts";
import {
  AGENT_SPIFFE_ID,
  agentProfile,
  CENTRAL_SPIFFE_ID,
  centralProfile,
  createFleet,
  hoursLater,
  issueLeaf,
  TRUST_DOMAIN,
} from "./fixture-fleet.test.ts";
import { forge } from "./fixture-forgery.test.ts";
import { createKeyPair, spkiPin } from "./keys.ts";
import { serialOf } from "./serial.ts";

const fleet = createFleet();
const client = issueLeaf(fleet.agents, agentProfile("agent-client"));
const server = issueLeaf(fleet.agents, agentProfile("agent-server"));
const central = issueLeaf(fleet.services, centralProfile());

const honest: VerifyChainOptions = {
  leaf: client,
  intermediates: [fleet.agents.certificate],
  roots: [fleet.root.certificate],
  at: hoursLater(1),
  purpose: "client",
};

function pinOf(certificate: X509Certificate): string {
  return spkiPin(certificate).toString("hex");
}

function failToAnswer(): boolean {
  throw new Error("the database is away");
}

/** The code of the refusal, or "accepted". */
function verdictOf(options: Partial<VerifyChainOptions>): string {
  const verdict = verifyChain({ ...honest, ...options });
  return verdict.ok ? "accepted" : verdict.error.code;
}

test("an agent's client leaf is accepted with its path, its name and its serial", () => {
  const verdict = verifyChain({ ...honest, expect: { spiffeId: AGENT_SPIFFE_ID } });
  assert.deepEqual(verdict, {
    ok: true,
    path: [client, fleet.agents.certificate, fleet.root.certificate],
    spiffeId: AGENT_SPIFFE_ID,
    serial: serialOf(client),
  });
});

test("an agent's server leaf and central's leaf are accepted as servers", () => {
  const centralChain = { leaf: central, intermediates: [fleet.services.certificate] };
  const centralId = { kind: "central", trustDomain: TRUST_DOMAIN } as const;
  assert.equal(verdictOf({ leaf: server, purpose: "server" }), "accepted");
  assert.equal(verdictOf({ ...centralChain, purpose: "server", expect: centralId }), "accepted");
});

test("an Ed25519 leaf is accepted", () => {
  const { publicKey } = createKeyPair("ed25519");
  const leaf = issueLeaf(fleet.agents, agentProfile("agent-client"), publicKey);
  assert.equal(verdictOf({ leaf }), "accepted");
});

test("the chain may come in any order, with the root in it, twice, and with strangers", () => {
  const stranger = createFleet();
  const { agents, services, root } = fleet;
  const intermediates = [root, services, stranger.agents, agents, agents, stranger.root];
  const roots = [stranger.root.certificate, root.certificate];
  assert.equal(
    verdictOf({ intermediates: intermediates.map((each) => each.certificate), roots }),
    "accepted",
  );
});

test("of two issuers with one name the one that signed is found, wherever it stands", () => {
  const name = { commonName: "Twin", authority: { pathLength: 0, urisOnly: false } };
  const twins = [forge({ issuer: fleet.root, ...name }), forge({ issuer: fleet.root, ...name })];
  for (const issuer of twins) {
    const { certificate: leaf } = forge({ issuer });
    const certificates = twins.map((each) => each.certificate);
    assert.equal(verdictOf({ leaf, intermediates: certificates }), "accepted");
    assert.equal(verdictOf({ leaf, intermediates: certificates.toReversed() }), "accepted");
  }
});

test("of two certificates of one authority the one still valid is chosen", () => {
  const keys = createKeyPair("p256");
  const name = { issuer: fleet.root, keys, commonName: "Renewed" };
  const authority = { pathLength: 0, urisOnly: false };
  const old = forge({ ...name, authority, notAfter: hoursLater(0.5) });
  const renewed = forge({ ...name, authority });
  const { certificate: leaf } = forge({ issuer: old });
  const both = [old.certificate, renewed.certificate];
  assert.equal(verdictOf({ leaf, intermediates: both }), "accepted");
  assert.equal(verdictOf({ leaf, intermediates: [old.certificate] }), "pki.chain_issuer_expired");
});

test("validity includes its first and its last second, and nothing beyond", () => {
  const cases: [Date, string][] = [
    [new Date(client.validFromDate.getTime() - 1), "pki.chain_not_yet_valid"],
    [client.validFromDate, "accepted"],
    [client.validToDate, "accepted"],
    [new Date(client.validToDate.getTime() + 1), "pki.chain_expired"],
    [new Date(Number.NaN), "pki.chain_not_yet_valid"],
  ];
  for (const [at, expected] of cases) assert.equal(verdictOf({ at }), expected, String(at));
});

test("pki.chain_expired says that nothing else is wrong: every other fault is told first", () => {
  const at = hoursLater(48);
  const faults: [Partial<VerifyChainOptions>, string][] = [
    [{}, "pki.chain_expired"],
    [{ isRevoked: () => true }, "pki.chain_revoked"],
    [{ purpose: "server" }, "pki.chain_wrong_purpose"],
    [{ expect: { kind: "central" } }, "pki.chain_wrong_name"],
    [{ roots: [createFleet().root.certificate] }, "pki.chain_untrusted"],
    [{ at: hoursLater(24 * 366) }, "pki.chain_issuer_expired"],
  ];
  for (const [fault, expected] of faults) assert.equal(verdictOf({ at, ...fault }), expected);
});

test("records are asked about every certificate but the root, by issuer's pin, serial and own pin", () => {
  const asked: string[][] = [];
  const isRevoked = (...question: string[]): boolean => asked.push(question) < 0;
  assert.equal(verdictOf({ isRevoked }), "accepted");
  const { agents, root } = fleet;
  assert.deepEqual(asked, [
    [pinOf(agents.certificate), serialOf(client), pinOf(client)],
    [pinOf(root.certificate), serialOf(agents.certificate), pinOf(agents.certificate)],
  ]);
});

test("a failing record is not taken for 'not revoked'", () => {
  assert.throws(() => verdictOf({ isRevoked: failToAnswer }), /the database is away/);
});

test("spiffeIdOf shows the ID of a leaf and nothing for authorities", () => {
  assert.equal(spiffeIdOf(client), AGENT_SPIFFE_ID);
  assert.equal(spiffeIdOf(central), CENTRAL_SPIFFE_ID);
  assert.equal(spiffeIdOf(fleet.root.certificate), undefined);
});
