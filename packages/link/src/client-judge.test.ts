import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { certificatesFromPem, spkiPin } from "@tautline/pki";
import { flipSignature } from "@tautline/testing";
import { type CertificateMark, createClientJudge, type ClientVerdict } from "./client-judge.ts";
import {
  TEST_NOW,
  createFleetAuthority,
  testNow,
  type FleetIdentity,
} from "../test/fleet-authority.ts";

const authority = createFleetAuthority();
const ALLOW = { trustDomain: authority.trustDomain, isRevoked: () => false, now: testNow };
const HOUR_MS = 3_600_000;

function judge(
  identity: FleetIdentity | undefined,
  options: Partial<Parameters<typeof createClientJudge>[0]> = {},
): ClientVerdict {
  const chain = identity === undefined ? [] : certificatesFromPem(identity.chainPem);
  const [leaf, ...intermediates] = chain;
  const judgeClient = createClientJudge({ ...ALLOW, roots: () => [authority.root], ...options });
  return judgeClient(leaf, intermediates);
}

function refusalIn(verdict: ClientVerdict): string | undefined {
  return "refuse" in verdict ? verdict.refuse.code : undefined;
}

/** What its certificate must be known by. */
function markOf(identity: FleetIdentity): CertificateMark {
  const [leaf, issuer] = certificatesFromPem(identity.chainPem);
  assert.ok(leaf !== undefined && issuer !== undefined);
  const [keyPin, issuerPin] = [leaf, issuer].map((each) => spkiPin(each).toString("hex"));
  return { issuerPin: issuerPin ?? "", serial: identity.serial, keyPin: keyPin ?? "" };
}

test("an agent is known by the name and serial of its certificate", () => {
  const agent = authority.agent("agent-client");
  assert.deepEqual(judge(agent), {
    level: "mtls",
    peerId: agent.spiffeId,
    peerSerial: agent.serial,
    mark: markOf(agent),
  });
});

test("A17: a certificate whose ECDSA signature was flipped is other bytes and known by the same mark", () => {
  const agent = authority.agent("agent-client");
  const [leaf, ...intermediates] = certificatesFromPem(agent.chainPem);
  assert.ok(leaf);
  const judgeClient = createClientJudge({ ...ALLOW, roots: () => [authority.root] });
  const verdict = judgeClient(flipSignature(leaf), intermediates);
  assert.deepEqual("mark" in verdict && verdict.mark, markOf(agent));
});

test("no certificate is level tls, which a wrong certificate never becomes", () => {
  assert.deepEqual(judge(undefined), { level: "tls" });
  assert.equal(
    refusalIn(judge(createFleetAuthority().agent("agent-client"))),
    "pki.chain_untrusted",
  );
});

test("A28: revocation is asked at every connection", () => {
  const agent = authority.agent("agent-client");
  const revoked = new Set<string>();
  const judgeClient = createClientJudge({
    ...ALLOW,
    roots: () => [authority.root],
    isRevoked: (_issuer, serial) => revoked.has(serial),
  });
  const [leaf, ...intermediates] = certificatesFromPem(agent.chainPem);
  assert.equal(refusalIn(judgeClient(leaf, intermediates)), undefined);
  revoked.add(agent.serial);
  assert.equal(refusalIn(judgeClient(leaf, intermediates)), "pki.chain_revoked");
});

test("roots and the time are asked at every connection", () => {
  const agent = authority.agent("agent-client", { fromMs: -HOUR_MS, toMs: HOUR_MS });
  let nowMs = TEST_NOW;
  let roots = [authority.root];
  const judgeClient = createClientJudge({ ...ALLOW, roots: () => roots, now: () => nowMs });
  const [leaf, ...intermediates] = certificatesFromPem(agent.chainPem);
  assert.equal(refusalIn(judgeClient(leaf, intermediates)), undefined);
  nowMs += 2 * HOUR_MS;
  assert.equal(refusalIn(judgeClient(leaf, intermediates)), "pki.chain_expired");
  nowMs = TEST_NOW;
  roots = [];
  assert.equal(refusalIn(judgeClient(leaf, intermediates)), "pki.chain_untrusted");
});

test("A16: central's own certificate and an agent's server certificate are no login", () => {
  assert.equal(refusalIn(judge(authority.central())), "pki.chain_wrong_purpose");
  assert.equal(refusalIn(judge(authority.agent("agent-server"))), "pki.chain_wrong_purpose");
});

test("A6: a certificate of ours that names hosts and nobody is no login; it is told that a program's it is, and by what it is known", () => {
  const program = authority.program("client");
  const verdict = judge(program);
  assert.equal(refusalIn(verdict), "pki.chain_wrong_name");
  assert.deepEqual("program" in verdict && verdict.program, {
    peerSerial: program.serial,
    expiresAtMs: TEST_NOW + 24 * HOUR_MS,
    mark: markOf(program),
  });
  const expired = authority.program("client", { fromMs: -2 * HOUR_MS, toMs: -HOUR_MS });
  const other = createFleetAuthority("other.test");
  const roots = (): X509Certificate[] => [authority.root, other.root];
  for (const refused of [
    judge(expired),
    judge(authority.program("server")),
    judge(program, { isRevoked: () => true }),
    judge(createFleetAuthority().program("client")),
    judge(other.agent("agent-client"), { roots }),
  ]) {
    assert.ok("refuse" in refused && refused.program === undefined);
  }
});

test("an agent of another trust domain is refused even where its root is known", () => {
  const other = createFleetAuthority("other.test");
  const verdict = judge(other.agent("agent-client"), { roots: () => [authority.root, other.root] });
  assert.equal(refusalIn(verdict), "pki.chain_wrong_name");
});

test("F5: of a certificate that only expired it is known whose it was; it is refused all the same", () => {
  const expired = authority.agent("agent-client", { fromMs: -2 * HOUR_MS, toMs: -HOUR_MS });
  const verdict = judge(expired);
  assert.equal(refusalIn(verdict), "pki.chain_expired");
  assert.deepEqual("lapsed" in verdict && verdict.lapsed, {
    peerId: expired.spiffeId,
    peerSerial: expired.serial,
    expiredAtMs: TEST_NOW - HOUR_MS,
    mark: markOf(expired),
  });
});

test("F5: an expired certificate with anything else against it says nothing of whose it was", () => {
  const life = { fromMs: -2 * HOUR_MS, toMs: -HOUR_MS };
  const cases: [code: string, verdict: ClientVerdict][] = [
    ["pki.chain_untrusted", judge(createFleetAuthority().agent("agent-client", life))],
    ["pki.chain_wrong_purpose", judge(authority.agent("agent-server", life))],
    ["pki.chain_revoked", judge(authority.agent("agent-client", life), { isRevoked: () => true })],
  ];
  for (const [code, verdict] of cases) {
    assert.equal(refusalIn(verdict), code);
    assert.ok(!("lapsed" in verdict));
  }
});
