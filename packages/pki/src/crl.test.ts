import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { id_ce_keyUsage, KeyUsage, KeyUsageFlags } from "@peculiar/asn1-x509";
import { withTempFolder } from "@tautline/testing";
import { assembleCrl, issueCrl, type IssueCrlOptions } from "./crl.ts";
import { encodeRevokedEntry, REVOCATION_REASONS } from "./crl-entry.ts";
import { readCrl } from "./crl-reader.ts";
import {
  agentProfile,
  createFleet,
  freshSerial,
  hoursLater,
  issueLeaf,
} from "./fixture-fleet.test.ts";
import { forge } from "./fixture-forgery.test.ts";
import { openssl, opensslRemark } from "./fixture-openssl.test.ts";
import { writeExtension } from "./extension-writer.ts";
import { encodePemBlock, toPem } from "./pem.ts";
import { serialOf } from "./serial.ts";

const { agents, otherAgents, root } = createFleet();
const revokedLeaf = issueLeaf(agents, agentProfile("agent-client"));
const goodLeaf = issueLeaf(agents, agentProfile("agent-client"));
const revoked = [{ serial: serialOf(revokedLeaf), at: hoursLater(0) }];
const honest: IssueCrlOptions = {
  issuer: agents,
  revoked,
  thisUpdate: hoursLater(0),
  nextUpdate: hoursLater(24),
  number: 1,
};

function issue(options: Partial<IssueCrlOptions> = {}): Buffer {
  return issueCrl({ ...honest, ...options });
}

test("a list says who is revoked and holds for its issuer while it is current", () => {
  const crl = readCrl(issue());
  crl.verify(agents.certificate, hoursLater(1));
  assert.equal(crl.issuerMatches(agents.certificate), true);
  assert.equal(crl.isRevoked(serialOf(revokedLeaf)), true);
  assert.equal(crl.isRevoked(`00${serialOf(revokedLeaf).toUpperCase()}`), true);
  assert.equal(crl.isRevoked(serialOf(goodLeaf)), false);
});

test("a list in PEM is read like one in DER", () => {
  const pem = encodePemBlock("X509 CRL", issue());
  assert.equal(readCrl(pem).isRevoked(serialOf(revokedLeaf)), true);
});

test("serials whose highest bit is set or that begin with zeros are found again", () => {
  const serials = ["ff".repeat(16), "00ff", "7f", "01", "0001", `80${"00".repeat(19)}`];
  const crl = readCrl(issue({ revoked: serials.map((serial) => ({ serial, at: hoursLater(0) })) }));
  for (const serial of serials) assert.equal(crl.isRevoked(serial), true, serial);
  assert.equal(crl.isRevoked("02"), false);
});

test("an empty list, a large number and dates from 2050 are written and read", () => {
  const late = new Date(Date.UTC(2051, 0, 1));
  const crl = readCrl(issue({ revoked: [], number: 2n ** 63n, nextUpdate: late }));
  crl.verify(agents.certificate, new Date(Date.UTC(2050, 5, 1)));
  assert.equal(crl.isRevoked(serialOf(revokedLeaf)), false);
});

test("openssl finds the list well signed, reads its number, and refuses the revoked leaf only", async () => {
  await withTempFolder((folder) => {
    const der = issue({ number: 258 });
    writeFileSync(join(folder, "ca.pem"), toPem([root.certificate, agents.certificate]));
    writeFileSync(join(folder, "list.pem"), encodePemBlock("X509 CRL", der));
    writeFileSync(join(folder, "revoked.pem"), toPem([revokedLeaf]));
    writeFileSync(join(folder, "good.pem"), toPem([goodLeaf]));
    const check = ["crl", "-in", "list.pem", "-noout", "-CAfile", "ca.pem"];
    assert.match(opensslRemark(folder, check), /^verify OK/);
    assert.match(openssl(folder, ["crl", "-in", "list.pem", "-noout", "-crlnumber"]), /102/);
    const at = ["-attime", String(hoursLater(1).getTime() / 1000)];
    const verify = ["verify", "-x509_strict", "-crl_check", ...at];
    const files = ["-CAfile", "ca.pem", "-CRLfile", "list.pem"];
    assert.equal(openssl(folder, [...verify, ...files, "good.pem"]), "good.pem: OK\n");
    assert.throws(() => openssl(folder, [...verify, ...files, "revoked.pem"]), /revoked/);
  });
});

test("openssl reads each reason, and no fraction of a second is written (trap 7)", async () => {
  await withTempFolder((folder) => {
    const at = new Date(hoursLater(0).getTime() + 501);
    const entries = REVOCATION_REASONS.map((reason, index) => ({
      serial: `0${index + 1}`,
      at,
      reason,
    }));
    const der = issue({ revoked: entries, thisUpdate: at, nextUpdate: hoursLater(24) });
    writeFileSync(join(folder, "list.der"), der);
    const text = openssl(folder, ["crl", "-inform", "DER", "-in", "list.der", "-noout", "-text"]);
    const said = [...text.matchAll(/X509v3 CRL Reason Code: *\n *(.*)/g)].map(([, name]) => name);
    assert.deepEqual(said, [
      "Key Compromise",
      "Affiliation Changed",
      "Superseded",
      "Cessation Of Operation",
      "Privilege Withdrawn",
    ]);
    assert.match(text, /Serial Number: 01\n.*\n *Serial Number: 02/, "unspecified is left unsaid");
    assert.doesNotMatch(text, /:\d\d\.\d/);
    const crl = readCrl(der);
    for (const { serial } of entries) assert.equal(crl.isRevoked(serial), true, serial);
  });
});

test("entries that were kept make the same list as entries that are encoded with it", () => {
  const { revoked: entries, ...frame } = honest;
  const kept = assembleCrl({ ...frame, entries: entries.map(encodeRevokedEntry) });
  // All but the signature, which is another each time, and the outer length before it.
  assert.deepEqual(kept.subarray(8, 200), issue().subarray(8, 200));
  readCrl(kept).verify(agents.certificate, hoursLater(1));
});

test("A28: a list that is another's, altered, early or old proves nothing", () => {
  const der = issue();
  const bent = Buffer.from(der);
  bent[bent.length - 1] = (bent[bent.length - 1] ?? 0) ^ 1;
  const twin = forge({
    issuer: root,
    authority: { pathLength: 0, urisOnly: false },
    commonName: "T",
  });
  const other = forge({
    issuer: root,
    authority: { pathLength: 0, urisOnly: false },
    commonName: "T",
  });
  const cases: [string, () => void][] = [
    ["pki.crl_wrong_issuer", () => readCrl(der).verify(otherAgents.certificate, hoursLater(1))],
    ["pki.crl_wrong_issuer", () => readCrl(der).verify(goodLeaf, hoursLater(1))],
    [
      "pki.crl_wrong_issuer",
      () => readCrl(issue({ issuer: twin })).verify(other.certificate, hoursLater(1)),
    ],
    ["pki.crl_bad_signature", () => readCrl(bent).verify(agents.certificate, hoursLater(1))],
    ["pki.crl_not_yet_valid", () => readCrl(der).verify(agents.certificate, hoursLater(-1))],
    ["pki.crl_expired", () => readCrl(der).verify(agents.certificate, hoursLater(25))],
    ["pki.crl_not_yet_valid", () => readCrl(der).verify(agents.certificate, new Date(Number.NaN))],
  ];
  for (const [code, use] of cases) assert.throws(use, { code });
});

test("a list is not issued by a leaf, with a bad serial, without time, or with a negative number", () => {
  const leaf = forge({ issuer: agents });
  const noLists = forge({
    issuer: root,
    authority: { pathLength: 0, urisOnly: false },
    without: [id_ce_keyUsage],
    extra: [writeExtension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.keyCertSign), true)],
  });
  const bad: Partial<IssueCrlOptions>[] = [
    { issuer: leaf },
    { issuer: noLists },
    { issuer: { ...agents, privateKey: root.privateKey } },
    { revoked: [{ serial: "xyz", at: hoursLater(0) }] },
    { revoked: [{ serial: "", at: hoursLater(0) }] },
    { revoked: [{ serial: "01", at: new Date(Number.NaN) }] },
    { nextUpdate: hoursLater(0) },
    { nextUpdate: new Date(Number.NaN) },
    { number: -1 },
  ];
  for (const options of bad) assert.throws(() => issue(options), { code: "pki.issue_refused" });
});

test("trap 6: a list of 10,000 entries, more nodes than the library takes by default, is read", () => {
  const many = Array.from({ length: 10_000 }, () => ({
    serial: freshSerial().toString("hex"),
    at: hoursLater(0),
    reason: "privilegeWithdrawn" as const,
  }));
  const crl = readCrl(issue({ revoked: many }));
  assert.ok(many.every((each) => crl.isRevoked(each.serial)));
});

test("what is no list, or more than one, or larger than 1 MiB, is refused", () => {
  const pem = encodePemBlock("X509 CRL", issue());
  const refused = { code: "pki.crl_malformed" };
  for (const list of ["", pem + pem, toPem([root.certificate]), Buffer.alloc(0)]) {
    assert.throws(() => readCrl(list), refused);
  }
  const der = issue();
  assert.throws(() => readCrl(Buffer.concat([der, Buffer.alloc(1)])), refused);
  assert.throws(() => readCrl(der.subarray(0, -1)), refused);
  assert.throws(() => readCrl(randomBytes(1024 * 1024 + 1)), /larger than 1048576 bytes/);
});

test("partial and indirect lists are refused for their critical extensions", async () => {
  await withTempFolder((folder) => {
    const key = agents.privateKey.export({ type: "pkcs8", format: "pem" });
    writeFileSync(join(folder, "key.pem"), key);
    writeFileSync(join(folder, "ca.pem"), toPem([agents.certificate]));
    writeFileSync(join(folder, "index.txt"), "");
    writeFileSync(join(folder, "ca.conf"), CA_CONFIG);
    const times = ["-crl_lastupdate", "20261122120000Z", "-crl_nextupdate", "20261123120000Z"];
    const generate = ["ca", "-gencrl", "-config", "ca.conf", ...times, "-crlexts"];
    const whole = openssl(folder, [...generate, "whole"]);
    readCrl(whole).verify(agents.certificate, hoursLater(1));
    assert.throws(() => readCrl(openssl(folder, [...generate, "partial"])), {
      code: "pki.crl_malformed",
      message: /2\.5\.29\.28/,
    });
  });
});

/** A CA of openssl's own, for a list that we would not write. */
const CA_CONFIG = `[ca]
default_ca=any
[any]
database=index.txt
certificate=ca.pem
private_key=key.pem
default_md=sha256
default_crl_days=30
[whole]
authorityKeyIdentifier=keyid:always
[partial]
issuingDistributionPoint=critical,@point
[point]
onlyuser=TRUE
`;
