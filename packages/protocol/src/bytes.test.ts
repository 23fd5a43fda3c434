import assert from "node:assert/strict";
import { test } from "node:test";
import {
  concatBytes,
  equalBytes,
  fromBase64Url,
  fromHex,
  lengthPrefixed,
  toBase64Url,
  toHex,
  uint32,
} from "./bytes.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

test("hexadecimal has two lower-case characters a byte", () => {
  assert.equal(toHex(bytes(0, 1, 0xab, 0xff)), "0001abff");
  assert.deepEqual(fromHex("0001abff"), bytes(0, 1, 0xab, 0xff));
  assert.deepEqual(fromHex(""), bytes());
});

for (const text of ["0", "AB", "0g", " 00", "00 ", "0x00", "００", "00\n"]) {
  test(`${JSON.stringify(text)} is refused as hexadecimal`, () => {
    assert.throws(() => fromHex(text), { code: "value.hex" });
  });
}

/** RFC 4648 section 10, without padding. */
const VECTORS = [
  ["", ""],
  ["f", "Zg"],
  ["fo", "Zm8"],
  ["foo", "Zm9v"],
  ["foob", "Zm9vYg"],
  ["fooba", "Zm9vYmE"],
  ["foobar", "Zm9vYmFy"],
] as const;

for (const [plain, encoded] of VECTORS) {
  test(`RFC 4648 section 10: "${plain}" is "${encoded}"`, () => {
    assert.equal(toBase64Url(ascii(plain)), encoded);
    assert.deepEqual(fromBase64Url(encoded), ascii(plain));
  });
}

test("base64url uses - and _ where base64 has + and /", () => {
  assert.equal(toBase64Url(bytes(0xfb, 0xff)), "-_8");
});

for (const text of [
  "Zg==",
  "Zg=",
  "Z",
  "Zm9vY",
  "Zh",
  "Zm9",
  "+_8",
  "Zg ",
  "Zg\n",
  "Zmé",
  "Zm😀",
]) {
  test(`${JSON.stringify(text)} is refused as base64url`, () => {
    assert.throws(() => fromBase64Url(text), { code: "value.base64url" });
  });
}

test("bytes are equal when every one is", () => {
  assert.ok(equalBytes(bytes(), bytes()));
  assert.ok(equalBytes(bytes(1, 2), bytes(1, 2)));
  assert.ok(!equalBytes(bytes(1, 2), bytes(1, 3)));
  assert.ok(!equalBytes(bytes(1, 2), bytes(1, 2, 0)));
  assert.ok(!equalBytes(bytes(1, 2, 0), bytes(1, 2)));
});

test("joined bytes are a copy", () => {
  const part = bytes(1, 2);
  const whole = concatBytes(part, bytes(), bytes(3));
  part[0] = 9;
  assert.deepEqual(whole, bytes(1, 2, 3));
  assert.deepEqual(concatBytes(), bytes());
});

test("a length prefix is 32 bits, big-endian", () => {
  assert.deepEqual(lengthPrefixed(bytes(7, 8)), bytes(0, 0, 0, 2, 7, 8));
  assert.deepEqual(uint32(0xfedcba98), bytes(0xfe, 0xdc, 0xba, 0x98));
});
