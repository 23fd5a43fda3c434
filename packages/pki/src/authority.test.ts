import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyUsageFlags } from "@peculiar/asn1-x509";
import { LIMITS } from "@tautline/protocol";
import { createAgentsIntermediate, createRoot, createServicesIntermediate } from "./authority.ts";
import { readFacts } from "./certificate-facts.ts";
import {
  authorityOptions,
  createFleet,
  hoursLater,
  NOW_MS,
  TRUST_DOMAIN,
} from "./fixture-fleet.test.ts";
import { ipBytes } from "./ip-address.ts";

const NOTHING = { uriHosts: [], dnsNames: [], ipRanges: [], otherForms: [] };
const fleet = createFleet();
const root = readFacts(fleet.root.certificate);
const agents = readFacts(fleet.agents.certificate);
const services = readFacts(fleet.services.certificate);

test("authorities sign certificates and revocation lists, and hold the key they certify", () => {
  for (const { certificate, privateKey } of Object.values(fleet)) {
    const facts = readFacts(certificate);
    assert.equal(facts.isAuthority, true);
    assert.equal(facts.keyUsage, KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign);
    assert.equal(facts.purposes, undefined);
    assert.ok(certificate.checkPrivateKey(privateKey));
  }
});

test("a root has one level of authorities below it, and those have none", () => {
  assert.equal(root.pathLength, 1);
  assert.equal(agents.pathLength, 0);
  assert.equal(services.pathLength, 0);
  assert.equal(root.limits, undefined);
});

test("a namespace's authority is limited to URIs of exactly its host: no DNS name, no address", () => {
  assert.deepEqual(agents.limits, {
    permitted: { ...NOTHING, uriHosts: [`default.${TRUST_DOMAIN}`] },
    excluded: { ...NOTHING, dnsNames: [""], ipRanges: [ipBytes("0.0.0.0/0"), ipBytes("::/0")] },
  });
});

test("the services authority is limited to URIs of exactly the trust domain's host", () => {
  assert.deepEqual(services.limits, {
    permitted: { ...NOTHING, uriHosts: [TRUST_DOMAIN] },
    excluded: NOTHING,
  });
});

test("life begins a little before now, for peers whose clocks are behind, and ends after the lifetime", () => {
  const [begin, end] = [NOW_MS - LIMITS.clockToleranceMs.value, hoursLater(24 * 3650).getTime()];
  assert.deepEqual([root.notBefore.getTime(), root.notAfter.getTime()], [begin, end]);
});

test("an intermediate never outlives its root", () => {
  const short = createRoot(authorityOptions(10));
  const options = authorityOptions(20);
  for (const { certificate } of [
    createServicesIntermediate(short, options),
    createAgentsIntermediate(short, { ...options, namespace: "default" }),
  ]) {
    assert.deepEqual(certificate.validToDate, short.certificate.validToDate);
  }
});

test("an intermediate makes no intermediates", () => {
  assert.throws(() => createServicesIntermediate(fleet.agents, authorityOptions(1)), {
    code: "pki.issue_refused",
  });
});

test("a root that has expired makes no intermediates", () => {
  const short = createRoot(authorityOptions(10));
  const later = { ...authorityOptions(20), now: () => NOW_MS + 11 * 86_400_000 };
  assert.throws(() => createServicesIntermediate(short, later), { code: "pki.issue_refused" });
});
