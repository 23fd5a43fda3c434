import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { KeyUsageFlags } from "@peculiar/asn1-x509";
import { createRoot } from "./authority.ts";
import { readFacts } from "./certificate-facts.ts";
import {
  AGENT_ID,
  AGENT_SPIFFE_ID,
  agentProfile,
  authorityOptions,
  CENTRAL_SPIFFE_ID,
  centralProfile,
  createFleet,
  freshSerial,
  hoursLater,
  issueLeaf,
  TRUST_DOMAIN,
} from "./fixture-fleet.test.ts";
import { forge } from "./fixture-forgery.test.ts";
import { issueCertificate, type IssueOptions } from "./issue.ts";
import { createKeyPair, spkiPin } from "./keys.ts";
import { serialOf } from "./serial.ts";

const { agents, otherAgents, services, root } = createFleet();
const { publicKey, privateKey } = createKeyPair("p256");
const refused = { code: "pki.issue_refused" };

const honest: IssueOptions = {
  profile: agentProfile("agent-client"),
  publicKey,
  issuer: agents,
  notBefore: hoursLater(0),
  notAfter: hoursLater(24),
  serial: freshSerial(),
};

test("an agent's leaf says who, for what, and nothing else", () => {
  const facts = readFacts(issueCertificate(honest));
  assert.deepEqual(facts.names, { uris: [AGENT_SPIFFE_ID], dnsNames: [], ipAddresses: [] });
  assert.equal(facts.isAuthority, false);
  assert.equal(facts.keyUsage, KeyUsageFlags.digitalSignature);
  assert.deepEqual(facts.purposes, ["1.3.6.1.5.5.7.3.2"]);
  assert.equal(facts.limits, undefined);
  assert.equal(facts.pin, spkiPin(publicKey).toString("hex"));
  assert.equal(facts.keyId, facts.pin);
  assert.equal(facts.authorityKeyId, readFacts(agents.certificate).keyId);
  assert.equal(facts.serial, Buffer.from(honest.serial).toString("hex"));
  assert.deepEqual([facts.notBefore, facts.notAfter], [honest.notBefore, honest.notAfter]);
});

test("A16: client and server are two leaves, and neither may do the other's part", () => {
  const client = readFacts(issueLeaf(agents, agentProfile("agent-client")));
  const server = readFacts(issueLeaf(agents, agentProfile("agent-server")));
  assert.deepEqual([client.purposes?.length, server.purposes?.length], [1, 1]);
  assert.notDeepEqual(client.purposes, server.purposes);
});

test("central's leaf has its ID, its names and its addresses", () => {
  const leaf = issueLeaf(services, centralProfile());
  assert.equal(
    leaf.subjectAltName,
    `URI:${CENTRAL_SPIFFE_ID}, DNS:central.example.org, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1`,
  );
});

const program = (use: "server" | "client" | "both", ...names: string[]): IssueOptions => ({
  ...honest,
  issuer: services,
  profile: { kind: "program", use, names },
});

test("SWP-4: a program's leaf has the names it was asked for, the first as its subject, and no SPIFFE ID", () => {
  const leaf = issueCertificate(
    program("server", "db.example.org", "10.0.0.5", "*.lab.example.org"),
  );
  assert.equal(leaf.subject, "CN=db.example.org");
  assert.equal(
    leaf.subjectAltName,
    "DNS:db.example.org, DNS:*.lab.example.org, IP Address:10.0.0.5",
  );
  assert.equal(readFacts(leaf).names.uris.length, 0);
  const long = `${"a".repeat(60)}.example.org`;
  assert.equal(issueCertificate(program("server", long)).subject ?? "", "");
});

test("A16: a program's leaf states its uses, both where both were asked for", () => {
  const [server, client] = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
  const uses = (["server", "client", "both"] as const).map(
    (use) => readFacts(issueCertificate(program(use, "a.example.org"))).purposes,
  );
  assert.deepEqual(uses, [[server], [client], [server, client]]);
});

test("A12: a program's leaf has no name of another form, and an agents' authority issues none", () => {
  for (const name of ["spiffe://fleet.example.org/central", "DB.example.org", "10.0.0.0/8", ""]) {
    assert.throws(() => issueCertificate(program("server", name)), refused, name);
  }
  assert.throws(() => issueCertificate(program("server")), refused);
  assert.throws(
    () => issueCertificate({ ...program("server", "db.example.org"), issuer: agents }),
    refused,
  );
});

test("no subject has a common name that could be taken for a host", () => {
  const leaves = [
    issueLeaf(agents, agentProfile("agent-client")),
    issueLeaf(services, centralProfile()),
  ];
  const authorities = [root, agents, services].map((each) => each.certificate);
  for (const { subject } of [...leaves, ...authorities]) {
    assert.match(/CN=(.*)/.exec(subject)?.[1] ?? "", /^[^.]* [^.]*$/);
  }
});

test("the validity is cut to whole seconds and to the issuer's", () => {
  const fraction = new Date(hoursLater(1).getTime() + 999);
  const inner = issueCertificate({ ...honest, notBefore: fraction });
  assert.deepEqual(inner.validFromDate, hoursLater(1));
  const wide = issueCertificate({
    ...honest,
    notBefore: new Date(0),
    notAfter: hoursLater(24 * 9999),
  });
  assert.deepEqual(wide.validFromDate, agents.certificate.validFromDate);
  assert.deepEqual(wide.validToDate, agents.certificate.validToDate);
});

test("dates are UTCTime up to 2049 and GeneralizedTime from 2050", () => {
  for (const [year, tag] of [
    [2049, 0x17],
    [2050, 0x18],
  ] as const) {
    const notAfter = new Date(Date.UTC(year, 11, 31, 23, 59, 59));
    const { certificate } = forge({ issuer: root, notAfter });
    assert.deepEqual(certificate.validToDate, notAfter);
    const digits = notAfter.toISOString().replaceAll(/[-:T]|\.000/g, "");
    const text = Buffer.from(tag === 0x17 ? digits.slice(2) : digits);
    const at = certificate.raw.indexOf(text);
    assert.deepEqual(certificate.raw.subarray(at - 2, at), Buffer.of(tag, text.length));
  }
});

test("a serial with its highest bit set stays positive and 16 octets long in hex", () => {
  const serial = Buffer.alloc(16, 0xff);
  assert.equal(serialOf(issueCertificate({ ...honest, serial })), "ff".repeat(16));
});

const BEYOND: [string, Partial<IssueOptions>][] = [
  ["a namespace's authority for another namespace", { issuer: otherAgents }],
  ["a namespace's authority for central", { profile: centralProfile() }],
  ["the services authority for an agent", { issuer: services }],
  ["an authority below one that may have none", { profile: rootless("agents-intermediate") }],
  ["an authority for another trust domain", { profile: foreign(), issuer: agents }],
  [
    "a leaf as issuer",
    { issuer: { certificate: issueLeaf(agents, honest.profile, publicKey), privateKey } },
  ],
  ["an issuer with another's key", { issuer: { ...agents, privateKey: services.privateKey } }],
  ["a root below an authority", { profile: { kind: "root", trustDomain: TRUST_DOMAIN } }],
  ["a leaf that signs itself", { issuer: "self", selfKey: privateKey }],
  ["an end before the beginning", { notAfter: hoursLater(-1) }],
  ["an end at the beginning", { notAfter: hoursLater(0) }],
  ["an end that is no time", { notAfter: new Date(Number.NaN) }],
  ["a life before the issuer's", { notBefore: new Date(0), notAfter: new Date(1000) }],
  [
    "a life after the issuer's",
    { notBefore: hoursLater(24 * 9999), notAfter: hoursLater(24 * 99999) },
  ],
  ["a serial of zeros", { serial: Buffer.alloc(16) }],
];

function rootless(kind: "agents-intermediate"): IssueOptions["profile"] {
  return { kind, trustDomain: TRUST_DOMAIN, namespace: "default" };
}

function foreign(): IssueOptions["profile"] {
  return { ...agentProfile("agent-client"), trustDomain: "elsewhere.example" };
}

for (const [what, options] of BEYOND) {
  test(`not issued: ${what}`, () => {
    assert.throws(() => issueCertificate({ ...honest, ...options }), refused);
  });
}

test("a root is signed by the key it certifies, and by no other", () => {
  const profile = { kind: "root", trustDomain: TRUST_DOMAIN } as const;
  const self = { ...honest, profile, issuer: "self" } as const;
  const stranger = createKeyPair("p256").privateKey;
  assert.ok(issueCertificate({ ...self, selfKey: privateKey }).verify(publicKey));
  assert.throws(() => issueCertificate({ ...self, selfKey: stranger }), refused);
  assert.throws(() => issueCertificate(self), refused);
});

test("names that are not of their canonical forms are not issued", () => {
  const cases: [IssueOptions["profile"], string][] = [
    [{ ...agentProfile("agent-client"), agentId: AGENT_ID.toUpperCase() }, "value.spiffe_id"],
    [{ ...agentProfile("agent-client"), agentId: "../central" }, "value.spiffe_id"],
    [{ ...agentProfile("agent-client"), namespace: "a.b" }, "value.spiffe_id"],
    [{ ...agentProfile("agent-client"), trustDomain: "Fleet.Example" }, "value.trust_domain"],
    [{ kind: "agents-intermediate", trustDomain: TRUST_DOMAIN, namespace: "*" }, "value.namespace"],
  ];
  for (const [profile, code] of cases) {
    assert.throws(() => issueCertificate({ ...honest, profile }), { code });
  }
});

const ODD_HOSTS = [
  "*.example.org",
  "UPPER.example",
  "a..b",
  "a.b.",
  "-a.b",
  "192.0.2.1",
  "",
  "a b",
];

test("central's leaf is not issued for what is no plain host name or address", () => {
  for (const name of [...ODD_HOSTS, `${"a".repeat(64)}.b`, `${"a.".repeat(127)}b`]) {
    const profile = centralProfile({ dnsNames: [name] });
    assert.throws(() => issueCertificate({ ...honest, profile, issuer: services }), refused, name);
  }
  for (const address of [
    "192.0.2",
    "192.0.2.256",
    "192.0.2.0/24",
    "1g::",
    "::1%lo",
    "localhost",
    "",
  ]) {
    const profile = centralProfile({ ipAddresses: [address] });
    assert.throws(
      () => issueCertificate({ ...honest, profile, issuer: services }),
      refused,
      address,
    );
  }
});

test("a host name of one label is issued: localhost", () => {
  const profile = centralProfile({ dnsNames: ["localhost", "a.b-c.example9"] });
  assert.ok(issueLeaf(services, profile).checkHost("localhost"));
});

test("weak keys are not certified", () => {
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
  assert.throws(() => issueCertificate({ ...honest, publicKey: weak }), {
    code: "pki.key_not_accepted",
  });
});

test("a key may be given as the private half; only the public one is certified", () => {
  const certificate = issueCertificate({ ...honest, publicKey: privateKey });
  assert.ok(certificate.publicKey.equals(publicKey));
  assert.ok(!certificate.raw.includes(Buffer.from("PRIVATE")));
});

test("every kind of authority key can issue", () => {
  const kinds = [
    createKeyPair("ed25519"),
    generateKeyPairSync("ec", { namedCurve: "P-384" }),
    generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ];
  for (const keys of kinds) {
    const issuer = forge({ issuer: root, keys, authority: { pathLength: 0, urisOnly: false } });
    const leaf = issueCertificate({ ...honest, issuer });
    assert.ok(leaf.verify(issuer.publicKey));
    assert.ok(new X509Certificate(leaf.raw).checkIssued(issuer.certificate));
  }
});

test("two roots of one trust domain have two names", () => {
  const [one, two] = [createRoot(authorityOptions(1)), createRoot(authorityOptions(1))];
  assert.notEqual(one.certificate.subject, two.certificate.subject);
});
