import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { DerCursor } from "./der-cursor.ts";
import { TAG } from "./der-tags.ts";
import { readTime } from "./der-time.ts";
import { writeDer, writeTime } from "./der-writer.ts";

const READING = { code: "pki.certificate_malformed", what: "it" } as const;

function read(tag: number, text: string): string {
  const der = writeDer(tag, Buffer.from(text, "latin1"));
  return readTime(new DerCursor(der, READING)).toISOString();
}

const READ: [number, string, string][] = [
  [TAG.utcTime, "491231235959Z", "2049-12-31T23:59:59.000Z"],
  [TAG.utcTime, "500101000000Z", "1950-01-01T00:00:00.000Z"],
  [TAG.utcTime, "280229120000Z", "2028-02-29T12:00:00.000Z"],
  [TAG.generalizedTime, "20500101000000Z", "2050-01-01T00:00:00.000Z"],
  [TAG.generalizedTime, "99991231235959Z", "9999-12-31T23:59:59.000Z"],
  [TAG.generalizedTime, "00010101000000Z", "0001-01-01T00:00:00.000Z"],
];

for (const [tag, text, iso] of READ) {
  test(`${text} is ${iso}`, () => {
    assert.equal(read(tag, text), iso);
  });
}

const REFUSED: [string, number, string][] = [
  ["no seconds", TAG.utcTime, "2601010000Z"],
  ["an offset", TAG.utcTime, "260101000000+0100"],
  ["no zone", TAG.utcTime, "260101000000"],
  ["a fraction", TAG.generalizedTime, "20260101000000.5Z"],
  ["a 30th of February", TAG.utcTime, "260230000000Z"],
  ["a 29th of February of a common year", TAG.utcTime, "270229000000Z"],
  ["month 13", TAG.utcTime, "261301000000Z"],
  ["hour 24", TAG.utcTime, "260101240000Z"],
  ["second 60", TAG.utcTime, "261231235960Z"],
  ["a digit that is none", TAG.utcTime, "26o101000000Z"],
  ["four digits of a year in the short form", TAG.utcTime, "20260101000000Z"],
  ["two digits of a year in the long form", TAG.generalizedTime, "260101000000Z"],
  ["another type", TAG.utf8String, "260101000000Z"],
];

for (const [what, tag, text] of REFUSED) {
  test(`a time with ${what} is refused`, () => {
    assert.throws(() => read(tag, text), { code: "pki.certificate_malformed" });
  });
}

test("a time is read as it was written, and its form changes in 2050", () => {
  const min = new Date("1950-01-01T00:00:00Z");
  const max = new Date("9999-12-31T23:59:59Z");
  fc.assert(
    fc.property(fc.date({ min, max, noInvalidDate: true }), (time) => {
      const der = writeTime(time);
      const whole = Math.floor(time.getTime() / 1000) * 1000;
      assert.equal(readTime(new DerCursor(der, READING)).getTime(), whole);
      assert.equal(der[0] === TAG.utcTime, time.getUTCFullYear() < 2050);
    }),
  );
});
