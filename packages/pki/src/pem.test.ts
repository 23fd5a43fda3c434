import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { createFleet } from "./fixture-fleet.test.ts";
import { createKeyPair, exportPrivateKey } from "./keys.ts";
import { certificatesFromPem, decodePemBlock, encodePemBlock, splitPem, toPem } from "./pem.ts";

const { root, agents, services } = createFleet();
const rootPem = toPem([root.certificate]);
const keyPem = exportPrivateKey(createKeyPair("p256").privateKey);

test("certificates survive PEM in their order", () => {
  const certificates = [agents, services, root].map((each) => each.certificate);
  const read = certificatesFromPem(toPem(certificates));
  assert.deepEqual(
    read.map((each) => each.fingerprint256),
    certificates.map((each) => each.fingerprint256),
  );
});

test("what is written is what OpenSSL writes", () => {
  assert.equal(rootPem, new X509Certificate(root.certificate.raw).toString());
});

test("blocks of other labels are passed over, and text around the blocks is a comment", () => {
  const text = `Bag Attributes\n${keyPem}subject=CN\n${rootPem}\nend\n`;
  assert.deepEqual(splitPem(text), [keyPem, rootPem]);
  assert.deepEqual(splitPem(text, "CERTIFICATE"), [rootPem]);
  assert.deepEqual(splitPem(text, "X509 CRL"), []);
  assert.deepEqual(splitPem(""), []);
  assert.equal(certificatesFromPem(text).length, 1);
});

test("line ends of any system and blanks at the ends of lines are read", () => {
  assert.deepEqual(splitPem(rootPem.replaceAll("\n", "\r\n")), [rootPem]);
  assert.deepEqual(splitPem(rootPem.replaceAll("\n", " \n")), [rootPem]);
  assert.deepEqual(splitPem(rootPem.trimEnd()), [rootPem]);
});

const MALFORMED: [string, string][] = [
  ["a block that does not end", rootPem.slice(0, -30)],
  ["a block that ends under another label", rootPem.replace("END CERTIFICATE", "END X509 CRL")],
  ["an end without a beginning", "-----END CERTIFICATE-----\n"],
  ["a block in a block", `-----BEGIN CERTIFICATE-----\n${rootPem}-----END CERTIFICATE-----\n`],
  ["an empty block", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"],
  ["a character that is not base64", rootPem.replace("MII", "M.I")],
  ["a base64 text cut short", rootPem.replace("\nMII", "\nMI")],
  ["padding in the middle", rootPem.replace("MIIB", "MI==")],
  ["headers of encapsulated text", rootPem.replace("\nMII", "\nProc-Type: 4,ENCRYPTED\n\nMII")],
  ["a broken line of dashes", "-----BEGIN CERTIFICATE----\n"],
];

for (const [what, text] of MALFORMED) {
  test(`PEM text with ${what} is refused`, () => {
    assert.throws(() => splitPem(text), { code: "pki.pem_malformed" });
  });
}

test("64 blocks are read, 65 are not; 256 KiB are read, one character more is not", () => {
  const block = encodePemBlock("X", Buffer.of(1));
  const refused = { code: "pki.pem_malformed" };
  assert.equal(splitPem(block.repeat(64)).length, 64);
  assert.throws(() => splitPem(block.repeat(65)), refused);
  assert.deepEqual(splitPem(" ".repeat(256 * 1024)), []);
  assert.throws(() => splitPem(" ".repeat(256 * 1024 + 1)), refused);
});

test("no certificate, and a block that is none, are refused", () => {
  const refused = { code: "pki.certificate_malformed" };
  assert.throws(() => certificatesFromPem(""), refused);
  assert.throws(() => certificatesFromPem(keyPem), refused);
  const bent = encodePemBlock("CERTIFICATE", root.certificate.raw.subarray(1));
  assert.throws(() => certificatesFromPem(rootPem + bent), refused);
});

test("a block's bytes are what was encoded", () => {
  for (const length of [1, 2, 3, 47, 48, 49, 1000]) {
    const bytes = Buffer.alloc(length, length);
    assert.deepEqual(decodePemBlock(encodePemBlock("X", bytes)), bytes);
  }
});
