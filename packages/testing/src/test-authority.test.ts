import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { certificatesFromPem, importPrivateKey, spkiPin, verifyChain } from "@tautline/pki";
import { createFakeClock } from "./fake-clock.ts";
import { createTestAuthority, type TestAuthority, type TestIdentity } from "./test-authority.ts";

const AGENT = "01980000-0000-7000-8000-000000000001";
const clock = createFakeClock();

function verify(
  authority: TestAuthority,
  { chainPem }: TestIdentity,
  purpose: "client" | "server",
) {
  const [leaf, ...intermediates] = certificatesFromPem(chainPem);
  assert.ok(leaf !== undefined);
  const roots = certificatesFromPem(authority.rootPem);
  return verifyChain({ leaf, intermediates, roots, at: new Date(clock.now()), purpose });
}

test("an agent's identity is one that verifies, with its own key", () => {
  const authority = createTestAuthority({ now: clock.now });
  const identity = authority.issueAgent(AGENT, "berlin");
  const verdict = verify(authority, identity, "client");
  assert.ok(verdict.ok);
  assert.equal(verdict.spiffeId, `spiffe://berlin.fleet.test/agent/${AGENT}`);
  const leaf = new X509Certificate(identity.chainPem);
  assert.ok(leaf.checkPrivateKey(importPrivateKey(identity.keyPem)));
});

test("central's identity verifies as a server and carries the pinned root", () => {
  const authority = createTestAuthority({ now: clock.now, trustDomain: "other.test" });
  const verdict = verify(authority, authority.central, "server");
  assert.ok(verdict.ok);
  assert.equal(verdict.spiffeId, "spiffe://other.test/central");
  const root = certificatesFromPem(authority.central.chainPem).at(-1);
  assert.ok(root !== undefined);
  assert.deepEqual(spkiPin(root), authority.rootPin);
});

test("A16: an agent's leaf of the other purpose is issued as asked, and refused where it does not belong", () => {
  const authority = createTestAuthority({ now: clock.now });
  const { trustDomain } = authority;
  const profile = {
    kind: "agent-server",
    trustDomain,
    namespace: "default",
    agentId: AGENT,
  } as const;
  const identity = authority.issueAny({ profile });
  const verdict = verify(authority, identity, "client");
  assert.ok(!verdict.ok);
  assert.equal(verdict.error.code, "pki.chain_wrong_purpose");
  assert.ok(verify(authority, identity, "server").ok);
});

test("a leaf is expired when a test asks for it", () => {
  const authority = createTestAuthority({ now: clock.now });
  const { trustDomain } = authority;
  const profile = {
    kind: "agent-client",
    trustDomain,
    namespace: "default",
    agentId: AGENT,
  } as const;
  const notAfter = new Date(clock.now() - 1_000);
  const notBefore = new Date(clock.now() - 30_000);
  const verdict = verify(authority, authority.issueAny({ profile, notBefore, notAfter }), "client");
  assert.ok(!verdict.ok);
  assert.equal(verdict.error.code, "pki.chain_expired");
});

test("two authorities of the same name do not vouch for each other", () => {
  const [one, other] = [clock, clock].map(({ now }) => createTestAuthority({ now }));
  assert.ok(one !== undefined && other !== undefined);
  assert.equal(verify(one, other.issueAgent(AGENT), "client").ok, false);
});
