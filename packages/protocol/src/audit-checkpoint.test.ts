import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import {
  type AuditCheckpoint,
  formatAuditCheckpoint,
  formatAuditKey,
  parseAuditCheckpoint,
  parseAuditKey,
} from "./audit-checkpoint.ts";
import { isTautlineError } from "./error.ts";

const CHECKPOINT: AuditCheckpoint = {
  trustDomain: "fleet.test",
  central: "00000000-0000-4000-8000-0000000000c1",
  number: 12,
  seq: 1234,
  head: "ab".repeat(32),
  atMs: Date.UTC(2026, 10, 25, 19, 22),
  previous: "cd".repeat(32),
  key: "ef".repeat(32),
};
const TEXT =
  "tautline/audit-checkpoint/v1\ntrust-domain fleet.test\ncentral 00000000-0000-4000-8000-0000000000c1\nnumber 12\n" +
  `seq 1234\nhead ${"ab".repeat(32)}\nat 2026-11-25T19:22:00.000Z\nprevious ${"cd".repeat(32)}\nkey ${"ef".repeat(32)}\n`;

const isRefused = (run: () => unknown): boolean => {
  try {
    run();
    return false;
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    return error.code === "audit.checkpoint_malformed";
  }
};

describe("the text of a checkpoint", () => {
  test("is nine lines in one order, as docs/reference/audit.md has them", () => {
    assert.equal(formatAuditCheckpoint(CHECKPOINT), TEXT);
    assert.deepEqual(parseAuditCheckpoint(TEXT), CHECKPOINT);
  });

  const refused: [name: string, text: string][] = [
    ["nothing", ""],
    ["another version", TEXT.replace("/v1", "/v2")],
    ["a missing last line feed", TEXT.slice(0, -1)],
    ["a line behind the last", `${TEXT}more 1\n`],
    ["line feeds with carriage returns", TEXT.replaceAll("\n", "\r\n")],
    ["a number with a zero in front", TEXT.replace("number 12", "number 012")],
    ["the number 0", TEXT.replace("number 12", "number 0")],
    ["a number beyond 2^53", TEXT.replace("seq 1234", "seq 9007199254740993")],
    ["upper case in a hash", TEXT.replace("abab", "ABab")],
    ["a short hash", TEXT.replace("abab", "ab")],
    ["a month that is none", TEXT.replace("2026-11", "2026-13")],
    ["a day that its month has not", TEXT.replace("2026-11-25", "2026-11-31")],
    ["a time without milliseconds", TEXT.replace(".000Z", "Z")],
    ["a trust domain that is none", TEXT.replace("fleet.test", "fleet..test")],
    ["a central that is no UUID", TEXT.replace("00000000-0000", "central-1-0000")],
    ["two spaces", TEXT.replace("seq 1234", "seq  1234")],
    ["lines in another order", TEXT.replace(/(number 12\n)(seq 1234\n)/, "$2$1")],
  ];
  for (const [name, text] of refused) {
    test(`is refused with ${name}`, () => {
      assert.notEqual(text, TEXT);
      assert.ok(isRefused(() => parseAuditCheckpoint(text)));
    });
  }

  test("of any parts is read back as these parts, or not written", () => {
    const parts = fc.record({
      trustDomain: fc.oneof(fc.constantFrom("a", "fleet.test", "A", ""), fc.string()),
      central: fc.oneof(fc.uuid(), fc.string()),
      number: fc.oneof(fc.nat(), fc.double()),
      seq: fc.oneof(fc.integer(), fc.maxSafeInteger()),
      head: fc.oneof(fc.constant(CHECKPOINT.head), fc.string()),
      atMs: fc.oneof(fc.nat(), fc.double()),
      previous: fc.oneof(fc.constant(CHECKPOINT.previous), fc.string({ unit: "binary" })),
      key: fc.constant(CHECKPOINT.key),
    });
    fc.assert(
      fc.property(parts, (checkpoint) => {
        let text: string;
        try {
          text = formatAuditCheckpoint(checkpoint);
        } catch (error) {
          assert.ok(isTautlineError(error));
          return;
        }
        // As a record with the usual prototype, and zero without a sign: a text has neither.
        assert.deepEqual(parseAuditCheckpoint(text), { ...checkpoint, atMs: checkpoint.atMs + 0 });
      }),
    );
  });

  test("with any one character changed is another checkpoint or none", () => {
    fc.assert(
      fc.property(
        fc.nat(TEXT.length - 1),
        fc.string({ unit: "binary", maxLength: 2 }),
        (at, put) => {
          const changed = TEXT.slice(0, at) + put + TEXT.slice(at + 1);
          fc.pre(changed !== TEXT);
          if (isRefused(() => parseAuditCheckpoint(changed))) return;
          assert.equal(formatAuditCheckpoint(parseAuditCheckpoint(changed)), changed);
        },
      ),
    );
  });
});

test("the statement on a key is five lines after its name, and is read back", () => {
  const statement = {
    trustDomain: "fleet.test",
    central: CHECKPOINT.central,
    number: 1,
    spki: "302a300506032b6570032100",
    atMs: 0,
  };
  const text = formatAuditKey(statement);
  assert.equal(
    text,
    `tautline/audit-key/v1\ntrust-domain fleet.test\ncentral ${CHECKPOINT.central}\nnumber 1\n` +
      "key 302a300506032b6570032100\nat 1970-01-01T00:00:00.000Z\n",
  );
  assert.deepEqual(parseAuditKey(text), statement);
  for (const wrong of [TEXT, text.replace("key 30", "key 3"), text.slice(1), `${text}\n`]) {
    assert.ok(isRefused(() => parseAuditKey(wrong)));
  }
});
