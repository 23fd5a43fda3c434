import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import { readCertificateFile } from "./certificate-file.ts";
import { createFleet } from "./fixture-fleet.test.ts";
import { createKeyPair, exportPrivateKey } from "./keys.ts";
import { toPem } from "./pem.ts";

const { root, agents } = createFleet();
const certificates = [agents.certificate, root.certificate];
const pem = toPem(certificates);
const keyPem = exportPrivateKey(createKeyPair("p256").privateKey);

function read(content: string | Uint8Array): readonly string[] {
  const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
  return readCertificateFile(bytes).map(fingerprint);
}

function fingerprint(certificate: X509Certificate): string {
  return certificate.fingerprint256;
}

describe("the certificate file of an existing PKI (SW-2)", () => {
  const same: readonly [string, string][] = [
    ["as it is", pem],
    ["with CRLF", pem.replaceAll("\n", "\r\n")],
    ["with a byte order mark", `\u00ef\u00bb\u00bf${pem}`],
    ["with text in any encoding around", `subject=CN=M\u00fcller\n${pem}issuer: \u00e9\n`],
    ["with a key beside", keyPem + pem],
  ];
  for (const [what, text] of same) {
    it(`PEM ${what} gives its certificates in order`, () => {
      assert.deepEqual(read(text), certificates.map(fingerprint));
    });
  }

  it("DER gives its one certificate", () => {
    assert.deepEqual(read(root.certificate.raw), [root.certificate.fingerprint256]);
  });

  const { raw } = root.certificate;
  const refused: readonly [string, string | Uint8Array, string][] = [
    ["an empty file", "", "pki.pem_malformed"],
    ["a key alone", keyPem, "pki.certificate_malformed"],
    ["text", "ca", "pki.pem_malformed"],
    ["a Java key store (QM-5)", Buffer.from("feedfeed00000002", "hex"), "pki.pem_malformed"],
    ["DER with a byte more", Buffer.concat([raw, Buffer.of(0)]), "pki.certificate_malformed"],
    ["DER cut off", raw.subarray(0, -1), "pki.certificate_malformed"],
    ["the second block cut off", pem.slice(0, -40), "pki.pem_malformed"],
  ];
  for (const [what, content, code] of refused) {
    it(`${what} is refused whole`, () => {
      assert.throws(() => read(content), { code });
    });
  }

  it("bent bytes give certificates or an error of ours, and never some of the blocks", () => {
    const change = fc.tuple(fc.nat(pem.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(pem);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const blocks =
            bytes.toString("latin1").split(/^-----BEGIN CERTIFICATE-----[ ]*$/m).length - 1;
          assert.equal(readCertificateFile(bytes).length, blocks);
        } catch (error) {
          assert.ok(isTautlineError(error), String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
