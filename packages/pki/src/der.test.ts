import assert from "node:assert/strict";
import { test } from "node:test";
import { BasicConstraints, GeneralNames } from "@peculiar/asn1-x509";
import { decodeDer } from "./der.ts";

const options = { code: "pki.certificate_malformed", what: "the value" } as const;
const refused = { code: "pki.certificate_malformed" };

function decode(hex: string): BasicConstraints {
  return decodeDer(Buffer.from(hex, "hex"), BasicConstraints, options);
}

test("DER is read", () => {
  const { cA, pathLenConstraint } = decode("30060101ff020100");
  assert.deepEqual([cA, pathLenConstraint], [true, 0]);
  assert.equal(decode("3000").cA, false);
});

const NOT_DER: [string, string][] = [
  ["nothing", ""],
  ["a byte after the value", "30060101ff02010000"],
  ["a value after the value", "30060101ff0201003000"],
  ["a byte too few", "30060101ff0201"],
  ["a default written out", "3003010100"],
  ["true that is not ff", "3003010101"],
  ["a length in long form", "3081060101ff020100"],
  ["an inner length in long form", "3007018101ff020100"],
  ["an indefinite length", "30800101ff0201000000"],
  ["an integer with a needless zero", "30070101ff02020000"],
  ["an unknown field after the known ones", "30080101ff0201000500"],
  ["fields in another order", "30060201000101ff"],
  ["another type", "0500"],
  ["a set in place of a sequence", "31060101ff020100"],
];

for (const [what, hex] of NOT_DER) {
  test(`${what} is refused`, () => {
    assert.throws(() => decode(hex), refused);
  });
}

test("a value nested deeper than 24 levels is refused before it is walked", () => {
  let nested = Buffer.from("0500", "hex");
  for (let depth = 0; depth < 1000; depth += 1) nested = Buffer.concat([header(nested), nested]);
  assert.throws(() => decodeDer(nested, BasicConstraints, options), refused);
});

test("more nodes than allowed are refused", () => {
  const name = Buffer.from("820161", "hex");
  const names = (count: number): Buffer => {
    const content = Buffer.concat(Array.from({ length: count }, () => name));
    return Buffer.concat([header(content), content]);
  };
  const limited = { ...options, maxNodes: 11 };
  assert.equal(decodeDer(names(10), GeneralNames, limited).length, 10);
  assert.throws(() => decodeDer(names(11), GeneralNames, limited), refused);
});

/** A SEQUENCE header for this content. */
function header(content: Buffer): Buffer {
  if (content.length < 0x80) return Buffer.of(0x30, content.length);
  return Buffer.of(0x30, 0x82, content.length >> 8, content.length & 0xff);
}
