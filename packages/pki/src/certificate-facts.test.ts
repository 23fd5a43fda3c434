import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  BasicConstraints,
  Certificate,
  GeneralName,
  GeneralNames,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_basicConstraints,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  Name,
  NameConstraints,
} from "@peculiar/asn1-x509";
import { withTempFolder } from "@tautline/testing";
import { readFacts } from "./certificate-facts.ts";
import { writeExtension } from "./extension-writer.ts";
import { agentProfile, createFleet, issueLeaf } from "./fixture-fleet.test.ts";
import { forge } from "./fixture-forgery.test.ts";
import { openssl } from "./fixture-openssl.test.ts";
import { exportPrivateKey } from "./keys.ts";
import { toPem } from "./pem.ts";

const { root, agents } = createFleet();
const leaf = issueLeaf(agents, agentProfile("agent-client"));

/** Reads a certificate with this extension in place of its own of the kind. */
function readWith(oid: string, value: object): ReturnType<typeof readFacts> {
  const without = [oid];
  return readFacts(
    forge({ issuer: root, without, extra: [writeExtension(oid, value)] }).certificate,
  );
}

function permit(base: GeneralName, more: Partial<GeneralSubtree> = {}): NameConstraints {
  const subtree = new GeneralSubtree({ base, ...more });
  return new NameConstraints({ permittedSubtrees: new GeneralSubtrees([subtree]) });
}

const host = new GeneralName({ uniformResourceIdentifier: "a.example" });
/** OCTET STRINGs where something else belongs. */
const nonsense = new OctetString(2);

const MALFORMED: [string, string, object, RegExp][] = [
  ["name constraints without content", id_ce_nameConstraints, new NameConstraints(), /are empty/],
  [
    "name constraints with a minimum",
    id_ce_nameConstraints,
    permit(host, { minimum: 1 }),
    /minimum/,
  ],
  [
    "name constraints with a maximum",
    id_ce_nameConstraints,
    permit(host, { maximum: 1 }),
    /minimum/,
  ],
  [
    "a range that is an address",
    id_ce_nameConstraints,
    permit(new GeneralName({ iPAddress: "192.0.2.1" })),
    /wrong length/,
  ],
  [
    "an address that is a range",
    id_ce_subjectAltName,
    new GeneralNames([new GeneralName({ iPAddress: "192.0.2.0/24" })]),
    /wrong length/,
  ],
  [
    "a path length without the CA bit",
    id_ce_basicConstraints,
    new BasicConstraints({ cA: false, pathLenConstraint: 1 }),
    /path length/,
  ],
  [
    "a negative path length",
    id_ce_basicConstraints,
    new BasicConstraints({ cA: true, pathLenConstraint: -1 }),
    /path length/,
  ],
  [
    "an endless path length",
    id_ce_basicConstraints,
    new BasicConstraints({ cA: true, pathLenConstraint: 2 ** 40 }),
    /path length/,
  ],
  ["names of no form", id_ce_subjectAltName, nonsense, /2\.5\.29\.17 is not of its ASN\.1 form/],
];

for (const [what, oid, value, reason] of MALFORMED) {
  test(`a certificate with ${what} is refused`, () => {
    assert.throws(() => readWith(oid, value), {
      code: "pki.certificate_malformed",
      message: reason,
    });
  });
}

test("limits on forms that are not judged here are named, so that nothing below is accepted", () => {
  const { limits } = readWith(
    id_ce_nameConstraints,
    permit(new GeneralName({ directoryName: new Name() })),
  );
  assert.deepEqual(limits?.permitted.otherForms, ["directoryName"]);
});

test("a certificate of version 1, as openssl makes it without extensions, is refused", async () => {
  await withTempFolder((folder) => {
    writeFileSync(join(folder, "ca.pem"), toPem([agents.certificate]));
    writeFileSync(join(folder, "key.pem"), exportPrivateKey(agents.privateKey));
    const subject = ["-new", "-subj", "/CN=old", "-key", "key.pem"];
    const request = openssl(folder, ["req", ...subject]);
    const sign = ["x509", "-req", "-CA", "ca.pem", "-CAkey", "key.pem", "-CAcreateserial"];
    const certificate = new X509Certificate(openssl(folder, sign, request));
    assert.throws(() => readFacts(certificate), {
      code: "pki.certificate_malformed",
      message: /version 3/,
    });
  });
});

test("a certificate that names one algorithm inside and another outside is refused", () => {
  const parsed = AsnConvert.parse(leaf.raw, Certificate);
  parsed.signatureAlgorithm.algorithm = "1.2.840.10045.4.3.3";
  const certificate = new X509Certificate(Buffer.from(AsnConvert.serialize(parsed)));
  assert.throws(() => readFacts(certificate), {
    code: "pki.certificate_malformed",
    message: /two signature algorithms/,
  });
});

test("facts are read once for each certificate object", () => {
  assert.equal(readFacts(leaf), readFacts(leaf));
});
