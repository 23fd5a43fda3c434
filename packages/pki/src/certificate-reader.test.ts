import assert from "node:assert/strict";
import { test } from "node:test";
import { readCertificate } from "./certificate-reader.ts";
import { TAG } from "./der-tags.ts";
import { writeBits, writeDer } from "./der-writer.ts";
import {
  altName,
  basicConstraints,
  commonName,
  der,
  extension,
  keyInfo,
  nameOf,
  nameWith,
  type OddParts,
  oddCertificate,
  utcTime,
} from "./fixture-odd-certificate.test.ts";

const BMP = 0x1e;
const UCS4 = 0x1c;
const ASCII = Buffer.from("a");

/** What is unusual and right. */
const READ: [string, OddParts][] = [
  ["nothing odd", {}],
  ["a serial of 20 octets", { serial: writeDer(TAG.integer, Buffer.alloc(20, 0x7f)) }],
  [
    "a serial of 20 octets behind the one that keeps it positive",
    { serial: writeDer(TAG.integer, der("00"), Buffer.alloc(20, 0xff)) },
  ],
  ["an empty subject", { subject: der("3000") }],
  ["a subject in UTF-16", { subject: nameOf(BMP, der("00e4")) }],
  ["a subject in UCS-4", { subject: nameOf(UCS4, der("0001f600")) }],
  ["a subject in T.61", { subject: nameOf(0x14, der("e4")) }],
  [
    "two attributes in one set, in their order",
    {
      subject: nameWith(
        commonName(TAG.utf8String, der("61")),
        commonName(TAG.utf8String, der("62")),
      ),
    },
  ],
  ["no extensions", { extensionField: Buffer.alloc(0) }],
  ["a time after 2049", { notBefore: writeDer(0x18, Buffer.from("20500101000000Z")) }],
  ["a nested structure of 20 levels in the key's algorithm", { key: keyInfo(nested(20)) }],
  ["an extension of an identifier of 60 octets", { extensions: [hugeIdentifier(60)] }],
];

for (const [what, parts] of READ) {
  test(`a certificate with ${what} is read`, () => {
    assert.equal(readCertificate(oddCertificate(parts)).pathLength, undefined);
  });
}

/** Refused, with the reason. */
const REFUSED: [string, OddParts, RegExp][] = [
  ["version 1 by its default", { version: Buffer.alloc(0) }, /version 3/],
  ["version 1 written out", { version: der("a003020100") }, /version 3/],
  ["version 2", { version: der("a003020101") }, /version 3/],
  ["version 4", { version: der("a003020103") }, /version 3/],
  ["a version in two octets", { version: der("a00402020002") }, /version 3/],
  ["a negative serial", { serial: der("0201ff") }, /serial number is not positive/],
  ["a serial of zero", { serial: der("020100") }, /serial number is not positive/],
  ["a serial with a needless zero", { serial: der("02020001") }, /not in DER/],
  ["a serial without octets", { serial: der("0200") }, /ASN\.1 form/],
  [
    "a serial of 21 octets",
    { serial: writeDer(TAG.integer, Buffer.alloc(21, 0x7f)) },
    /more than 20 octets/,
  ],
  ["a serial that is a text", { serial: der("0c0101") }, /ASN\.1 form/],
  ["two algorithms", { outerAlgorithm: der("300506032b6570") }, /two signature algorithms/],
  [
    "one algorithm, once with parameters",
    { algorithm: der("300506032b6570"), outerAlgorithm: der("300706032b65700500") },
    /two signature algorithms/,
  ],
  ["an algorithm of two parameters", { algorithm: der("300906032b657005000500") }, /ASN\.1 form/],
  ["a name that is a set", { issuer: der("3100") }, /ASN\.1 form/],
  ["a name with an empty set", { subject: der("30023100") }, /ASN\.1 form/],
  ["a name with a number in it", { subject: nameOf(TAG.integer, der("01")) }, /ASN\.1 form/],
  ["a name that is not UTF-8", { subject: nameOf(TAG.utf8String, der("ff")) }, /ASN\.1 form/],
  ["a name in half of UTF-16", { subject: nameOf(BMP, der("00")) }, /ASN\.1 form/],
  [
    "two attributes in one set, out of their order",
    {
      subject: nameWith(
        commonName(TAG.utf8String, der("62")),
        commonName(TAG.utf8String, der("61")),
      ),
    },
    /not in DER/,
  ],
  [
    "the same attribute twice in one set",
    {
      subject: nameWith(
        commonName(TAG.utf8String, der("61")),
        commonName(TAG.utf8String, der("61")),
      ),
    },
    /not in DER/,
  ],
  ["a time with an offset", { notBefore: utcTime("260101000000+0000") }, /ASN\.1 form/],
  ["a 30th of February", { notBefore: utcTime("260230000000Z") }, /ASN\.1 form/],
  ["a key whose algorithm nests 25 levels", { key: keyInfo(nested(25)) }, /ASN\.1 form/],
  ["a key of an odd number of bits", { key: der("300a300506032b6570030101") }, /ASN\.1 form/],
  ["a unique identifier", { uniqueId: der("81020001") }, /ASN\.1 form/],
  ["an empty list of extensions", { extensions: [] }, /ASN\.1 form/],
  ["the extensions of a request", { extensionField: der("a0023000") }, /ASN\.1 form/],
  [
    "the same extension twice",
    { extensions: [basicConstraints("3000"), basicConstraints("3000")] },
    /stands in it twice/,
  ],
  [
    "the same unknown extension twice",
    { extensions: [extension("1.2.3", "00"), extension("1.2.3", "01")] },
    /stands in it twice/,
  ],
  [
    "an extension that writes out that it is not critical",
    { extensions: [extension("1.2.3", "00", der("010100"))] },
    /not in DER/,
  ],
  [
    "an extension critical by another truth than ff",
    { extensions: [extension("1.2.3", "00", der("010101"))] },
    /not in DER/,
  ],
  ["an extension of an identifier of 65 octets", { extensions: [hugeIdentifier(65)] }, /ASN\.1/],
  [
    "no CA bit, written out",
    { extensions: [basicConstraints("3003010100")] },
    /29\.19 is not in DER/,
  ],
  [
    "bytes behind an extension's value",
    { extensions: [basicConstraints("300000")] },
    /29\.19 is not in DER/,
  ],
  [
    "an empty extension",
    { extensions: [basicConstraints("")] },
    /29\.19 is not of its ASN\.1 form/,
  ],
  [
    "a path length without the CA bit",
    { extensions: [basicConstraints("3003020100")] },
    /path length/,
  ],
  ["a path length in BER", { extensions: [basicConstraints("30070101ff02020000")] }, /not in DER/],
  [
    "a path length of five octets",
    { extensions: [basicConstraints("300a0101ff02050100000000")] },
    /path length/,
  ],
  [
    "a key usage with a bit too many",
    { extensions: [extension("2.5.29.15", "03020080")] },
    /29\.15/,
  ],
  [
    "a key usage whose unused bits are set",
    { extensions: [extension("2.5.29.15", "030207ff")] },
    /29\.15/,
  ],
  ["a key usage of 17 bits", { extensions: [extension("2.5.29.15", "030407000080")] }, /29\.15/],
  [
    "no purpose in its extended key usage",
    { extensions: [extension("2.5.29.37", "3000")] },
    /29\.37/,
  ],
  ["no name in its alternative names", { extensions: [extension("2.5.29.17", "3000")] }, /29\.17/],
  ["a host beyond ASCII", { extensions: [altName(0x82, der("e4"))] }, /29\.17/],
  ["a URI in pieces", { extensions: [altName(0xa6, der("160161"))] }, /29\.17/],
  ["an address of 5 octets", { extensions: [altName(0x87, der("0102030405"))] }, /wrong length/],
  ["a name of no form", { extensions: [altName(0x89, ASCII)] }, /29\.17/],
  ["a directory name that is none", { extensions: [altName(0xa4, der("0500"))] }, /29\.17/],
  ["a postal address of X.400", { extensions: [altName(0xa3, der("3000"))] }, /29\.17/],
  ["a party of EDI", { extensions: [altName(0xa5, der("a1030c0161"))] }, /29\.17/],
  ["an other name without a value", { extensions: [altName(0xa0, der("06012a"))] }, /29\.17/],
  ["a registered id in BER", { extensions: [altName(0x88, der("802a"))] }, /29\.17/],
  ["limits without content", { extensions: [extension("2.5.29.30", "3000")] }, /are empty/],
  ["limits of an empty list", { extensions: [extension("2.5.29.30", "3002a000")] }, /are empty/],
  [
    "limits with a minimum",
    { extensions: [extension("2.5.29.30", "300aa0083006820161800101")] },
    /minimum/,
  ],
  [
    "limits in another order",
    { extensions: [extension("2.5.29.30", "300ea1053003820161a0053003820162")] },
    /29\.30/,
  ],
  [
    "a range whose mask has gaps",
    { extensions: [extension("2.5.29.30", "300ea00c300a87080a000000ff00ff00")] },
    /mask has gaps/,
  ],
  ["a key identifier that is none", { extensions: [extension("2.5.29.14", "0101ff")] }, /29\.14/],
  [
    "an issuer's key identifier in another order",
    { extensions: [extension("2.5.29.35", "3006820101800101")] },
    /29\.35/,
  ],
  [
    "an issuer's names that hold an address of five octets",
    { extensions: [extension("2.5.29.35", "3009a10787050102030405")] },
    /IP address of a wrong length/,
  ],
  ["a character beyond the last", { subject: nameOf(UCS4, der("30313233")) }, /ASN\.1 form/],
  ["half of a pair for a character", { subject: nameOf(UCS4, der("0000d800")) }, /ASN\.1 form/],
  ["three octets for a character", { subject: nameOf(UCS4, der("000061")) }, /ASN\.1 form/],
  ["a signature of an odd number of bits", { signature: der("03020780") }, /ASN\.1 form/],
  ["a signature in pieces", { signature: der("230403020000") }, /ASN\.1 form/],
  ["something behind what is signed", { inside: der("0500") }, /ASN\.1 form/],
  ["something behind the signature", { behind: der("0500") }, /ASN\.1 form/],
];

for (const [what, parts, reason] of REFUSED) {
  test(`a certificate with ${what} is refused`, () => {
    assert.throws(() => readCertificate(oddCertificate(parts)), {
      code: "pki.certificate_malformed",
      message: reason,
    });
  });
}

test("a certificate in BER, cut off, or with bytes behind it is refused", () => {
  const whole = oddCertificate();
  // Shorter than 256 bytes, so its header has three octets.
  const content = whole.subarray(3);
  const bent = [
    Buffer.concat([der("3080"), content, der("0000")]),
    Buffer.concat([der("308200"), Buffer.of(content.length), content]),
    Buffer.concat([whole, der("00")]),
    whole.subarray(0, -1),
    Buffer.alloc(0),
  ];
  assert.equal(whole[1], 0x81);
  for (const each of bent) {
    assert.throws(() => readCertificate(each), { code: "pki.certificate_malformed" });
  }
});

test("what a certificate says is read from where it stands", () => {
  const purposes = extension("2.5.29.37", "300a06082b06010505070302");
  const usage = extension("2.5.29.15", "0303078080", der("0101ff"));
  const unknown = extension("1.2.3.4", "00", der("0101ff"));
  const addresses = altName(0x87, der("c0000201"));
  const facts = readCertificate(
    oddCertificate({
      serial: der("020200ff"),
      extensions: [basicConstraints("30060101ff020103"), purposes, usage, unknown, addresses],
    }),
  );
  assert.equal(facts.serial, "ff");
  assert.deepEqual([facts.isAuthority, facts.pathLength], [true, 3]);
  assert.deepEqual(facts.purposes, ["1.3.6.1.5.5.7.3.2"]);
  // Bits 0 and 8: digitalSignature and decipherOnly.
  assert.equal(facts.keyUsage, 0x101);
  assert.equal(facts.unknownCritical, "1.2.3.4");
  assert.deepEqual(
    facts.names.ipAddresses.map((each) => Buffer.from(each).toString("hex")),
    ["c0000201"],
  );
  assert.deepEqual(Buffer.from(facts.spki), keyInfo());
  assert.equal(facts.notBefore.toISOString(), "2026-01-01T00:00:00.000Z");
});

function nested(depth: number): Buffer {
  let value = writeDer(TAG.null);
  for (let level = 1; level < depth; level += 1) value = writeDer(TAG.sequence, value);
  return value;
}

function hugeIdentifier(octets: number): Buffer {
  const identifier = writeDer(TAG.objectIdentifier, Buffer.alloc(octets, 0x2a));
  return writeDer(TAG.sequence, identifier, writeDer(TAG.octetString, writeBits(Buffer.of(1))));
}
