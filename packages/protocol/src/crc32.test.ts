import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 as zlibCrc32 } from "node:zlib";
import * as fc from "fast-check";
import { crc32 } from "./crc32.ts";
import { encodeUtf8 } from "./utf8.ts";

test("the check value of CRC-32/ISO-HDLC is cbf43926", () => {
  assert.equal(crc32(encodeUtf8("123456789")), 0xcbf43926);

  assert.equal(crc32(new Uint8Array()), 0);
});

test("it is what zlib computes", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => assert.equal(crc32(bytes), zlibCrc32(bytes))));
});
