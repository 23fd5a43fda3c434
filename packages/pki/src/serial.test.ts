import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { agentProfile, createFleet, freshSerial, issueLeaf } from "./fixture-fleet.test.ts";
import { canonicalSerial, checkSerial, createSerial, parseSerial, serialOf } from "./serial.ts";

test("a serial has 16 octets, is positive and never begins with a zero octet", () => {
  for (const fill of [0x00, 0x3f, 0x7f, 0x80, 0xff]) {
    const serial = createSerial((size) => Buffer.alloc(size, fill));
    assert.equal(serial.length, 16);
    const [first = 0] = serial;
    assert.ok(first >= 0x40 && first <= 0x7f, `first octet ${first}`);
    assert.deepEqual(serial.subarray(1), Buffer.alloc(15, fill));
    checkSerial(serial);
  }
});

test("serials are not made by chance alone equal", () => {
  const serials = Array.from({ length: 100 }, () => createSerial(randomBytes).toString("hex"));
  assert.equal(new Set(serials).size, 100);
});

test("what createSerial did not make is refused when its record could differ from the certificate", () => {
  const refused = { code: "pki.issue_refused" };
  for (const serial of [
    Buffer.alloc(0),
    Buffer.alloc(15, 1),
    Buffer.alloc(17, 1),
    Buffer.alloc(16),
  ]) {
    assert.throws(() => checkSerial(serial), refused);
  }
  checkSerial(Buffer.alloc(16, 0xff));
});

test("serialOf gives what was issued, as lower-case hex", () => {
  const { agents } = createFleet();
  const serial = serialOf(issueLeaf(agents, agentProfile("agent-client")));
  assert.match(serial, /^[4-7][0-9a-f]{31}$/);
});

test("one number has one form", () => {
  const cases: [string, string][] = [
    ["0A", "0a"],
    ["a", "0a"],
    ["00ff", "ff"],
    ["000", "00"],
    ["0", "00"],
    ["ABCDEF", "abcdef"],
  ];
  for (const [text, expected] of cases) assert.equal(canonicalSerial(text), expected);
  const hex = freshSerial().toString("hex");
  assert.equal(canonicalSerial(`00${hex.toUpperCase()}`), hex);
});

test("hex of 1 to 20 octets is a serial, nothing else is", () => {
  assert.deepEqual(parseSerial("0aFF"), Buffer.of(0x0a, 0xff));
  assert.equal(parseSerial("00".repeat(20))?.length, 20);
  for (const text of ["", "a", "zz", "00".repeat(21), "0a ", "0x0a"]) {
    assert.equal(parseSerial(text), undefined, text);
  }
});
