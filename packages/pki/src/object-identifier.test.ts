import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { DerCursor } from "./der-cursor.ts";
import { writeIdentifier } from "./der-writer.ts";
import { readIdentifier } from "./object-identifier.ts";

const READING = { code: "pki.certificate_malformed", what: "it" } as const;

function read(der: Uint8Array): string {
  return readIdentifier(new DerCursor(der, READING));
}

/** From X.690 section 8.19.5, RFC 5280 and RFC 5758. */
const KNOWN: [string, string][] = [
  ["2.100.3", "0603813403"],
  ["2.5.29.17", "0603551d11"],
  ["1.2.840.10045.4.3.2", "06082a8648ce3d040302"],
  ["1.3.101.112", "06032b6570"],
  ["0.0", "060100"],
  ["1.39", "06014f"],
  ["2.0", "060150"],
];

for (const [dotted, hex] of KNOWN) {
  test(`${dotted} is ${hex}`, () => {
    assert.equal(read(Buffer.from(hex, "hex")), dotted);
    assert.equal(writeIdentifier(dotted).toString("hex"), hex);
  });
}

test("a number beyond what JavaScript counts exactly is read whole", () => {
  // 2^64, in ten octets of seven bits.
  const der = Buffer.from(`060b2a82${"80".repeat(8)}00`, "hex");
  assert.equal(read(der), "1.2.18446744073709551616");
});

test("an identifier is read as it was written", () => {
  const root = fc.oneof(fc.tuple(fc.nat(1), fc.nat(39)), fc.tuple(fc.constant(2), fc.nat(99_999)));
  const rest = fc.array(fc.nat(2 ** 28 - 1), { maxLength: 10 });
  fc.assert(
    fc.property(root, rest, (first, more) => {
      const dotted = [...first, ...more].join(".");
      assert.equal(read(writeIdentifier(dotted)), dotted);
    }),
  );
});
