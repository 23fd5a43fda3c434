import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  checkpointFromJson,
  formatTrailLine,
  parseTrailLine,
  type TrailLine,
} from "./audit-trail-line.ts";
import { isTautlineError } from "./error.ts";

const text = fc.string({ unit: "grapheme" });
const seq = fc.maxSafeInteger();
const signature = fc.uint8Array({ maxLength: 80 });
const line: fc.Arbitrary<TrailLine> = fc.oneof(
  fc.record({
    type: fc.constant("trail" as const),
    format: fc.constant(1 as const),
    trustDomain: text,
    central: text,
    root: text,
    seq,
    hash: text,
  }),
  fc.record({ type: fc.constant("entry" as const), seq, previous: text, hash: text, body: text }),
  fc.record({
    type: fc.constant("checkpoint" as const),
    checkpoint: fc.record({ body: text, signature, key: fc.record({ body: text, signature }) }),
  }),
  fc.record({ type: fc.constantFrom("end" as const, "more" as const), seq, hash: text }),
);

/** The generator makes objects without a prototype too; what is compared is what they hold. */
const plain = (one: TrailLine): unknown =>
  one.type === "checkpoint"
    ? { ...one, checkpoint: { ...one.checkpoint, key: { ...one.checkpoint.key } } }
    : { ...one };

const isRefused = (written: string): boolean => {
  try {
    parseTrailLine(written);
    return false;
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    return error.code === "value.json";
  }
};

test("every line of an export is one line, and is read back as it was written", () => {
  fc.assert(
    fc.property(line, (one) => {
      const written = formatTrailLine(one);
      assert.equal(written.includes("\n"), false);
      assert.deepEqual(parseTrailLine(written), plain(one));
    }),
  );
});

test("a line with one byte changed says something else or is refused: there is one way to write each", () => {
  fc.assert(
    fc.property(
      line,
      fc.nat(),
      fc.string({ unit: "binary-ascii", maxLength: 2 }),
      (one, where, put) => {
        const written = formatTrailLine(one);
        const at = where % written.length;
        const changed = written.slice(0, at) + put + written.slice(at + 1);
        fc.pre(changed !== written);
        if (isRefused(changed)) return;
        assert.notDeepEqual(parseTrailLine(changed), plain(one));
      },
    ),
  );
});

test("JSON that is no line as it is written is refused", () => {
  const entry = '{"type":"entry","seq":1,"previous":"a","hash":"b","body":"c"}';
  assert.equal(isRefused(entry), false);
  for (const written of [
    "",
    "null",
    "[]",
    "{",
    ` ${entry}`,
    entry.replace('"seq":1', '"seq":1.0'),
    entry.replace('"seq":1', '"seq":"1"'),
    entry.replace('"seq":1', '"seq":1,"seq":1'),
    entry.replace('"body":"c"', '"body":"\\u0063"'),
    entry.replace('"body":"c"', '"body":"c","more":1'),
    entry.replace('"body":"c"', '"body":"c","__proto__":{}'),
    entry.replace('"type":"entry"', '"type":"other"'),
    entry.replace('"body":"c"', '"body":7'),
    '{"type":"trail","format":2,"trustDomain":"","central":"","root":"","seq":0,"hash":""}',
    '{"type":"checkpoint","body":"a","signature":"!","key":{"type":"key","body":"a","signature":""}}',
    '{"type":"end","seq":9007199254740993,"hash":""}',
  ]) {
    assert.ok(isRefused(written), written);
  }
});

test("what is no checkpoint is none, whatever it is", () => {
  fc.assert(fc.property(fc.anything(), (value) => void checkpointFromJson(value)));
  assert.equal(checkpointFromJson({ type: "checkpoint", body: "a", signature: "AA" }), undefined);
});
