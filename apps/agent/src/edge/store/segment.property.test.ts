import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodeRecord, readSegment, RECORD_HEAD_BYTES } from "./segment.ts";

const FIRST = 7;

const contents = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), {
  minLength: 1,
  maxLength: 8,
});

function segmentOf(all: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    all.flatMap((sealed, at) => encodeRecord({ seq: FIRST + at, keptAtMs: 1000 + at, sealed })),
  );
}

function read(file: Buffer): { readonly records: unknown[]; readonly lost: number } {
  const entries = readSegment(file, FIRST);
  const records = entries.flatMap((one) =>
    one.kind === "record" ? [[one.seq, one.keptAtMs, Buffer.from(one.sealed).toString("hex")]] : [],
  );
  const lost = entries.reduce((sum, one) => sum + (one.kind === "record" ? 0 : one.records), 0);
  return { records, lost };
}

const asRead = (all: readonly Uint8Array[]): unknown[] =>
  all.map((sealed, at) => [FIRST + at, 1000 + at, Buffer.from(sealed).toString("hex")]);

test("what is written is read", () => {
  fc.assert(
    fc.property(contents, (all) => {
      assert.deepEqual(read(segmentOf(all)), { records: asRead(all), lost: 0 });
    }),
  );
});

test("F5: a file that ends anywhere gives every record before that place, and counts none as lost", () => {
  fc.assert(
    fc.property(contents, fc.nat(), fc.boolean(), (all, cut, isZeroed) => {
      const whole = segmentOf(all);
      const length = cut % whole.length;
      const kept = whole.subarray(0, length);
      const file = isZeroed ? Buffer.concat([kept, Buffer.alloc(9)]) : kept;
      const { records } = read(file);
      let [before, end] = [0, 0];
      for (const sealed of all) {
        end += RECORD_HEAD_BYTES + sealed.length;
        if (end <= length) before += 1;
      }
      // With zeros behind it the record that was cut may have its length again; then it is the vault that refuses it.
      assert.deepEqual(records.slice(0, before), asRead(all.slice(0, before)));
      if (!isZeroed)
        assert.deepEqual(read(file), { records: asRead(all.slice(0, before)), lost: 0 });
    }),
  );
});

test("whatever is altered in the middle, the records behind it are read, and those that are gone are counted", () => {
  fc.assert(
    fc.property(
      contents,
      fc.nat(),
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      (all, at, junk) => {
        const last = encodeRecord({
          seq: FIRST + all.length,
          keptAtMs: 5,
          sealed: Buffer.from("end"),
        });
        const begin = segmentOf(all);
        const place = at % begin.length;
        const altered = Buffer.concat([
          begin.subarray(0, place),
          junk,
          begin.subarray(place + junk.length),
        ]);
        const { records, lost } = read(Buffer.concat([altered, ...last]));
        const before = readSegment(begin.subarray(0, place), FIRST).filter(
          (one) => one.kind === "record",
        );
        assert.ok(records.length >= before.length);
        assert.ok(records.length + lost >= all.length);
      },
    ),
  );
});

test("any bytes at all are read to their end, without a gap and without an error", () => {
  const some = segmentOf([Buffer.from("one"), Buffer.from("two")]);
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.uint8Array(), fc.constant(some))), (parts) => {
      const file = Buffer.concat(parts);
      const covered = readSegment(file, FIRST).reduce(
        (sum, one) =>
          sum + (one.kind === "record" ? RECORD_HEAD_BYTES + one.sealed.length : one.bytes),
        0,
      );
      assert.equal(covered, file.length);
    }),
  );
});
