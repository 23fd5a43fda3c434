import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import {
  DerCursor,
  readBits,
  readBoolean,
  requireIdentifier,
  requireInteger,
} from "./der-cursor.ts";
import { TAG } from "./der-tags.ts";
import { writeDer } from "./der-writer.ts";

const READING = { code: "pki.certificate_malformed", what: "it" } as const;

function cursorOn(hex: string): DerCursor {
  return new DerCursor(Buffer.from(hex, "hex"), READING);
}

/** Passes over one value that must be all there is. */
function skipWhole(bytes: Uint8Array): void {
  const cursor = new DerCursor(bytes, READING);
  cursor.skip();
  cursor.finish();
}

const DER: [string, string][] = [
  ["a sequence of two values", "30060201070101ff"],
  ["a length of 128 in one octet more", `048180${"00".repeat(128)}`],
  ["a length of 256 in two octets more", `04820100${"00".repeat(256)}`],
  ["an empty sequence", "3000"],
  ["a value of a class that is not known", "c20101"],
  ["a negative integer", "0201ff"],
  ["an integer whose zero keeps it positive", "02020080"],
  ["an identifier of several octets", "06032a8648"],
  ["a bit string with unused bits that are zero", "03020780"],
  ["an empty bit string", "030100"],
];

for (const [what, hex] of DER) {
  test(`${what} is DER`, () => {
    skipWhole(Buffer.from(hex, "hex"));
  });
}

const NOT_DER: [string, string][] = [
  ["nothing", ""],
  ["a tag alone", "30"],
  ["an indefinite length", "30800000"],
  ["a length in long form that fits the short one", "308103020101"],
  ["a length with a leading zero", `04820080${"00".repeat(128)}`],
  ["a length of four octets", "048401000000"],
  ["a length of 127 octets", "04ff"],
  ["a length beyond the end", "040200"],
  ["a length whose octets are cut off", "0482"],
  ["an inner value beyond the outer one", "30020402"],
  ["an inner value that ends after the outer one", "300304020000"],
  ["bytes after the value", "300000"],
  ["a tag number above 30", "1f810000"],
  ["the end-of-contents tag", "0000"],
  ["a string in pieces", "2403040100"],
  ["a bit string in pieces", "230403020000"],
  ["a sequence that is not constructed", "1000"],
  ["a set that is not constructed", "1100"],
  ["true that is not ff", "010101"],
  ["a boolean of two octets", "0102ffff"],
  ["an integer without octets", "0200"],
  ["an integer with a needless zero", "02020001"],
  ["a negative integer with a needless octet", "0202ff80"],
  ["an enumerated with a needless zero", "0a020001"],
  ["a null with content", "050100"],
  ["an identifier without octets", "0600"],
  ["an identifier with a needless octet", "0603802a03"],
  ["an identifier that ends within a number", "06022a86"],
  ["an identifier of 65 octets", `0641${"2a".repeat(65)}`],
  ["a bit string without its first octet", "0300"],
  ["a bit string with eight unused bits", "030208ff"],
  ["an empty bit string with unused bits", "030107"],
  ["a bit string whose unused bits are not zero", "03020701"],
  ["a text that is not UTF-8", "0c01ff"],
  ["a text of ASCII that is not", "1301ff"],
  ["a text of two octets a character with one", "1e0100"],
  ["a real number, which nothing here has", "090103"],
];

for (const [what, hex] of NOT_DER) {
  test(`${what} is refused`, () => {
    assert.throws(() => skipWhole(Buffer.from(hex, "hex")), { code: "pki.certificate_malformed" });
  });
}

test("24 levels are walked and the 25th is refused before it is entered", () => {
  skipWhole(nested(24));
  for (const depth of [25, 26, 5_000]) {
    assert.throws(() => skipWhole(nested(depth)), { code: "pki.certificate_malformed" });
  }
});

test("only the tag that is expected is read, and an element is left only at its end", () => {
  const cursor = cursorOn("30060201070101ff");
  assert.throws(() => cursor.read(TAG.set), /not of its ASN\.1 form/);
  const outside = cursor.enter(TAG.sequence);
  assert.equal(cursor.isNext(TAG.integer), true);
  assert.deepEqual([...cursor.read(TAG.integer)], [7]);
  assert.throws(() => cursor.leave(outside), /not of its ASN\.1 form/);
  assert.equal(readBoolean(cursor, cursor.read(TAG.boolean)), true);
  assert.throws(() => cursor.read(TAG.boolean), /not of its ASN\.1 form/);
  assert.equal(cursor.isNext(TAG.boolean), false);
  cursor.leave(outside);
  cursor.finish();
});

test("content is read as it stands, whatever the checks of its type say", () => {
  const cursor = cursorOn("00");
  assert.equal(readBoolean(cursor, octets(0)), false);
  assert.deepEqual(readBits(cursor, octets(3, 0xf8)), { unused: 3, octets: octets(0xf8) });
  requireInteger(cursor, octets(0, 0x80));
  requireIdentifier(cursor, octets(0x2a, 0x86, 0x48));
  assert.throws(() => requireInteger(cursor, octets()), /not of its ASN\.1 form/);
});

test("any bytes end in a value or an error of ours, and never outside the bytes", () => {
  const any = fc.uint8Array({ maxLength: 300 });
  const near = any.map((bytes) => writeDer(TAG.sequence, writeDer(TAG.set, bytes), bytes));
  fc.assert(
    fc.property(fc.oneof(any, near), fc.nat(8), (bytes, around) => {
      // What stands around the view is readable memory: it must not be read.
      const memory = Buffer.alloc(bytes.length + 2 * around, 0x30);
      memory.set(bytes, around);
      const view = memory.subarray(around, around + bytes.length);
      assert.equal(verdictOn(view), verdictOn(Uint8Array.from(bytes)));
    }),
    { numRuns: 2000 },
  );
});

function verdictOn(bytes: Uint8Array): string {
  try {
    skipWhole(bytes);
    return "DER";
  } catch (error) {
    assert.ok(isTautlineError(error), String(error));
    return error.message;
  }
}

test("what was written is read, of any length", () => {
  const lengths = fc.oneof(fc.nat(300), fc.constantFrom(127, 128, 255, 256, 65_535, 65_536));
  fc.assert(
    fc.property(lengths, fc.nat(255), (length, fill) => {
      const content = new Uint8Array(length).fill(fill);
      const cursor = new DerCursor(writeDer(TAG.octetString, content), READING);
      assert.deepEqual(Uint8Array.from(cursor.read(TAG.octetString)), content);
      cursor.finish();
    }),
  );
});

function nested(depth: number): Buffer {
  let value = writeDer(TAG.null);
  for (let level = 1; level < depth; level += 1) value = writeDer(TAG.sequence, value);
  return value;
}

function octets(...bytes: number[]): Uint8Array {
  return Uint8Array.from(bytes);
}
