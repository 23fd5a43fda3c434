import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { AsnConvert } from "@peculiar/asn1-schema";
import { type AlgorithmIdentifier, Certificate, type Name } from "@peculiar/asn1-x509";
import { isTautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import * as fc from "fast-check";
import { type CertificateContent, readCertificate } from "./certificate-reader.ts";
import { createCsr } from "./csr.ts";
import { readCsr } from "./csr-reader.ts";
import { isString } from "./der-strings.ts";
import {
  AGENT_ID,
  agentProfile,
  centralProfile,
  createFleet,
  issueLeaf,
} from "./fixture-fleet.test.ts";
import { readByLibrary, readRequestByLibrary } from "./fixture-library-reader.test.ts";
import { openssl } from "./fixture-openssl.test.ts";
import { createKeyPair } from "./keys.ts";
import type { NameSubtrees } from "./name-constraints.ts";
import { decodePemBlock, encodePemBlock } from "./pem.ts";
import { encodeSigned } from "./signed-object.ts";
import { readSignedParts } from "./signed-parts.ts";

const { root, agents, services } = createFleet();
const OURS: [string, Buffer][] = [
  ["root", root.certificate.raw],
  ["agents' authority", agents.certificate.raw],
  ["services' authority", services.certificate.raw],
  ["agent", issueLeaf(agents, agentProfile("agent-client")).raw],
  ["central", issueLeaf(services, centralProfile()).raw],
];

/** Certificates as others make them: keys, names and extensions that Tautline never writes. */
const SECTIONS = `
[req]
prompt=no
distinguished_name=dn
[dn]
C=DE
O=Größe
OU=one
0.CN=first
1.CN=second
emailAddress=person@example.org
[names]
basicConstraints=critical,CA:TRUE,pathlen:300
keyUsage=critical,digitalSignature,keyCertSign,cRLSign,decipherOnly
extendedKeyUsage=serverAuth,clientAuth,codeSigning,1.2.3.4.5
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid:always,issuer:always
subjectAltName=@all
nameConstraints=critical,permitted;DNS:example.org,permitted;IP:192.0.2.0/255.255.255.0,excluded;email:.example.com,excluded;URI:.example.net
certificatePolicies=1.2.3.4
crlDistributionPoints=URI:http://example.org/list.crl
[all]
DNS=host.example.org
URI=https://example.org/path
IP.1=192.0.2.1
IP.2=2001:db8::1
email=person@example.org
RID=1.2.3.4
otherName=1.2.3.4;UTF8:odd
dirName=dn
[bare]
basicConstraints=CA:FALSE
`;
const KEYS: readonly (readonly string[])[] = [
  ["rsa:2048"],
  ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
  ["ed25519"],
  ["rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"],
  ["dsa:dsa.pem"],
];

async function makeByOpenssl(): Promise<[string, Buffer][]> {
  return withTempFolder((folder) => {
    writeFileSync(join(folder, "req.conf"), SECTIONS);
    openssl(folder, ["dsaparam", "-out", "dsa.pem", "1024"]);
    return KEYS.flatMap((key) =>
      ["names", "bare"].map((section): [string, Buffer] => {
        const shape = ["-extensions", section, "-config", "req.conf", "-nameopt", "utf8"];
        const made = ["req", "-x509", "-utf8", "-newkey", ...key, "-nodes", "-keyout", "k.pem"];
        const pem = openssl(folder, [...made, ...shape]);
        return [`${key[0]}, ${section}`, new X509Certificate(pem).raw];
      }),
    );
  });
}
const OTHERS = await makeByOpenssl();

for (const [what, der] of [...OURS, ...OTHERS]) {
  test(`two readers that share no code say the same of a certificate (${what})`, () => {
    assert.deepEqual(comparable(readCertificate(der)), comparable(readByLibrary(der)));
  });
}

/** Turns bytes, cuts stretches, puts tags where others stood: most of it keeps the lengths right, so that it reaches deep. */
function mutant(seeds: readonly (readonly [string, Buffer])[]): fc.Arbitrary<Buffer> {
  const tag = fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 0xc, 0x13, 0x16, 0x17, 0x1e, 0x1f, 0x30, 0x31);
  const context = fc.constantFrom(0x80, 0x81, 0x82, 0x86, 0x87, 0xa0, 0xa1, 0xa3, 0xa4, 0x7f, 0xff);
  const value = fc.oneof(tag, context, fc.nat(255));
  const turns = fc.array(fc.tuple(fc.nat(), value), { minLength: 1, maxLength: 3 });
  const cut = fc.oneof(
    { weight: 9, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.nat(4) },
  );
  return fc
    .tuple(fc.constantFrom(...seeds), turns, cut, fc.nat())
    .map(([[, real], bytes, out, where]) => {
      const copy = Buffer.from(real);
      for (const [at, octet] of bytes) copy[at % copy.length] = octet;
      const from = where % copy.length;
      return Buffer.concat([copy.subarray(0, from), copy.subarray(from + out)]);
    });
}

test("an altered certificate is read by both readers alike, or is on the list of what only the strict one refuses", () => {
  const counts = { alike: 0, refused: 0, stricter: 0 };
  fc.assert(
    fc.property(mutant([...OURS, ...OTHERS]), (der) => {
      const ours = attempt(() => readCertificate(der));
      const library = attemptAny(() => readByLibrary(der));
      if (ours === undefined && library === undefined) counts.refused += 1;
      else if (ours === undefined) {
        counts.stricter += 1;
        assert.notDeepEqual(reasonsToRefuse(der), []);
      } else {
        // What ours reads, the library reads too, and as the same.
        counts.alike += 1;
        assert.ok(library !== undefined, "only the strict reader accepts it");
        assert.deepEqual(comparable(ours), comparable(library));
      }
    }),
    { numRuns: 6000 },
  );
  // Else the mutants would say nothing.
  assert.ok(counts.alike > 500 && counts.refused > 500, JSON.stringify(counts));
});

test("the empty list of purposes that an altered identifier makes of basicConstraints is refused by the strict reader alone", () => {
  const [, bare] = OTHERS.find(([what]) => what === "rsa-pss, bare") ?? assert.fail();
  // 2.5.29.19 with CA:FALSE, which is an empty sequence, becomes 2.5.29.37.
  const at = bare.indexOf(Buffer.from("0603551d1304023000", "hex"));
  assert.ok(at > 0);
  const der = Buffer.from(bare);
  der[at + 4] = 37;
  assert.equal(
    attempt(() => readCertificate(der)),
    undefined,
  );
  assert.match(String(reasonsToRefuse(der)), /names no purpose/);
});

test("any bytes are a certificate or an error of ours", () => {
  const any = fc.uint8Array({ maxLength: 400 });
  fc.assert(
    fc.property(any, (bytes) => {
      assert.equal(
        attempt(() => readCertificate(bytes)),
        undefined,
      );
    }),
    { numRuns: 2000 },
  );
});

const asker = createKeyPair("p256").privateKey;
const { toBeSigned: REQUEST } = readSignedParts(decodePemBlock(createCsr(asker, AGENT_ID)), {
  code: "pki.csr_malformed",
  what: "the request",
});

test("A12: an altered request that is signed anew is refused by both readers, or read as the same", () => {
  const counts = { read: 0, refused: 0 };
  fc.assert(
    fc.property(mutant([["request", Buffer.from(REQUEST)]]), (info) => {
      const der = encodeSigned(info, asker);
      const pem = encodePemBlock("CERTIFICATE REQUEST", der);
      const library = attemptAny(() => readRequestByLibrary(der));
      try {
        const { pin } = readCsr(pem, { agentId: AGENT_ID });
        counts.read += 1;
        assert.equal(library?.attributes, 0);
        assert.ok(library.subjectParts <= 1);
        assert.equal(pin.length, 32);
      } catch (error) {
        if (!isTautlineError(error)) throw error;
        counts.refused += 1;
        // Every other refusal comes after the form was found right.
        const isForm = error.code === "pki.csr_malformed" || error.code === "pki.pem_malformed";
        if (!isForm) assert.ok(library !== undefined, error.message);
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(counts.refused > 500, JSON.stringify(counts));
});

/** What the library lets pass and the strict reader does not; each for a reason that stands in X.690 or RFC 5280. */
const STRICTER: readonly (readonly [string, (read: Certificate) => boolean])[] = [
  [
    "a name's value is of no string type, or holds what its type cannot (RFC 5280 section 4.1.2.4)",
    ({ tbsCertificate: { issuer, subject } }) => [issuer, subject].some(hasOddValue),
  ],
  [
    "the members of a set are not in their order (X.690 section 11.6)",
    ({ tbsCertificate: { issuer, subject } }) =>
      [issuer, subject].some((name) => name.some((set) => set.length > 1)),
  ],
  [
    "a serial number with a needless octet, which gives one serial two encodings (X.690 section 8.3.2)",
    ({ tbsCertificate: { serialNumber } }) => {
      const [first, second = 0] = new Uint8Array(serialNumber);
      return first === 0 && second < 0x80;
    },
  ],
  [
    "an algorithm's parameters hold what is not DER of a universal type",
    ({ tbsCertificate: { subjectPublicKeyInfo, signature } }) =>
      [subjectPublicKeyInfo.algorithm, signature].some(hasChangedParameters),
  ],
  [
    "a unique identifier, which RFC 5280 section 4.1.2.8 forbids",
    ({ tbsCertificate: { issuerUniqueID, subjectUniqueID } }) =>
      issuerUniqueID !== undefined || subjectUniqueID !== undefined,
  ],
  [
    "a key usage whose last bit is not set, or with unused bits set (X.690 section 11.2)",
    (read) => hasOddBits(extensionValue(read, "2.5.29.15")),
  ],
  [
    "an extended key usage that names no purpose (RFC 5280 section 4.2.1.12 asks for one at least)",
    (read) => extensionValue(read, "2.5.29.37")?.toString("hex") === "3000",
  ],
  [
    "names beyond ASCII, or of a form whose content the library does not look at (RFC 5280 section 4.2.1.6)",
    (read) => NAME_EXTENSIONS.some((oid) => hasOddNames(extensionValue(read, oid))),
  ],
];

/** Says by which of the reasons only the strict reader refuses these bytes. */
function reasonsToRefuse(der: Uint8Array): string[] {
  const read = AsnConvert.parse(der, Certificate);
  return STRICTER.filter(([, holds]) => holds(read)).map(([reason]) => reason);
}

const NAME_EXTENSIONS = ["2.5.29.17", "2.5.29.30", "2.5.29.35"];
const HONEST = [...OURS, ...OTHERS].map(([, der]) => AsnConvert.parse(der, Certificate));

function hasOddValue(name: Name): boolean {
  return name.some((set) =>
    set.some(({ value }) => {
      const der = Buffer.from(AsnConvert.serialize(value));
      // Values here are shorter than 128 octets, so two come before the content.
      return !isString(der[0] ?? 0, der.subarray(2));
    }),
  );
}

function hasChangedParameters({ parameters }: AlgorithmIdentifier): boolean {
  if (parameters === undefined || parameters === null) return false;
  const honest = HONEST.flatMap(({ tbsCertificate: { subjectPublicKeyInfo, signature } }) => [
    subjectPublicKeyInfo.algorithm.parameters,
    signature.parameters,
  ]);
  return !honest.some((each) => each !== undefined && toHex(each) === toHex(parameters));
}

function extensionValue({ tbsCertificate }: Certificate, oid: string): Buffer | undefined {
  const found = tbsCertificate.extensions?.find((each) => each.extnID === oid);
  return found === undefined ? undefined : Buffer.from(found.extnValue.buffer);
}

/** A BIT STRING: tag, length, how many bits are not used, the octets. */
function hasOddBits(value: Buffer | undefined): boolean {
  if (value === undefined) return false;
  const [unused = 0] = value.subarray(2);
  const last = value.at(-1) ?? 0;
  return value.length > 5 || (last & ((1 << (unused + 1)) - 1)) !== 1 << unused;
}

/** Its names are not those of any certificate that was altered here: both readers read all of these. */
function hasOddNames(value: Buffer | undefined): boolean {
  if (value === undefined) return false;
  const honest = HONEST.flatMap((each) =>
    NAME_EXTENSIONS.map((oid) => extensionValue(each, oid)?.toString("hex")),
  );
  return !honest.includes(value.toString("hex"));
}

/** The same with views as hex, which compare by what they show. */
function comparable(content: CertificateContent): object {
  const { issuer, subject, spki, algorithm, names, limits, ...rest } = content;
  const views = [issuer, subject, spki, algorithm, ...names.ipAddresses].map(viewToHex);
  const ranges = [limits?.permitted, limits?.excluded].map((each) => each?.ipRanges.map(viewToHex));
  const plain = { ...names, ipAddresses: undefined };
  const subtrees = [limits?.permitted, limits?.excluded].map(textsOf);
  return { ...rest, views, ranges, plain, subtrees };
}

function textsOf(subtrees: NameSubtrees | undefined): unknown[] {
  const { uriHosts, dnsNames, otherForms } = subtrees ?? {};
  return [uriHosts, dnsNames, otherForms];
}

function viewToHex(view: Uint8Array): string {
  return Buffer.from(view).toString("hex");
}

/** Undefined for a refusal; any other error than ours fails the test. */
function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    assert.ok(isTautlineError(error), String(error));
    assert.equal(error.code, "pki.certificate_malformed");
    return undefined;
  }
}

function attemptAny<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function toHex(bytes: ArrayBuffer | null): string {
  return bytes === null ? "null" : Buffer.from(bytes).toString("hex");
}
