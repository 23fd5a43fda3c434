import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, fromHex } from "./bytes.ts";
import { CustomMessageSchema, HeaderSchema, RetryInfoSchema } from "./gen/opamp/v1/opamp_pb.ts";
import { decodeCanonicalMessage, decodeMessage, encodeMessage } from "./message-codec.ts";

const CODE = "opamp.malformed";

const UNKNOWN_FIELD = fromHex("f80701");

test("fields left out are protobuf's defaults, there and back", () => {
  const bytes = encodeMessage(CustomMessageSchema, { type: "a" }, CODE);
  assert.deepEqual(bytes, fromHex("120161"));
  const { capability, type, data } = decodeMessage(CustomMessageSchema, bytes, CODE);
  assert.deepEqual(
    { capability, type, data },
    { capability: "", type: "a", data: new Uint8Array() },
  );
});

test("a decoded message shares no memory with the bytes it came from", () => {
  const buffer = Buffer.from("1a020102", "hex");
  const { data } = decodeMessage(CustomMessageSchema, buffer, CODE);
  buffer.fill(9);
  assert.deepEqual(data, Uint8Array.of(1, 2));
  assert.ok(!Buffer.isBuffer(data));
});

test("a field this version does not know is passed over, and kept nowhere", () => {
  const bytes = concatBytes(fromHex("120161"), UNKNOWN_FIELD);
  const message = decodeMessage(CustomMessageSchema, bytes, CODE);
  assert.equal(message.type, "a");
  assert.equal(message.$unknown, undefined);
});

test("text that is not UTF-8 is refused, not replaced", () => {
  assert.throws(() => decodeMessage(HeaderSchema, fromHex("0a01ff"), CODE), { code: CODE });
});

test("a number out of its range has no encoding", () => {
  const encode = (): Uint8Array =>
    encodeMessage(RetryInfoSchema, { retryAfterNanoseconds: -1n }, CODE);
  assert.throws(encode, { code: CODE, message: /no encoding/ });
});

test("a message that has one encoding is read from that one only", () => {
  const bytes = encodeMessage(HeaderSchema, { key: "a", value: "b" }, CODE);
  assert.equal(decodeCanonicalMessage(HeaderSchema, bytes, CODE).value, "b");
  const others = {
    "an unknown field": concatBytes(bytes, UNKNOWN_FIELD),
    "fields in another order": fromHex("1201620a0161"),
    "a field twice": fromHex("0a01780a0161120162"),
    "a default written out": fromHex("0a01611200"),
    "a length in two bytes": fromHex("0a8100611201 62".replace(" ", "")),
  };
  for (const [name, other] of Object.entries(others)) {
    assert.throws(
      () => decodeCanonicalMessage(HeaderSchema, other, CODE),
      { code: CODE, message: /one encoding/ },
      name,
    );
  }
});
