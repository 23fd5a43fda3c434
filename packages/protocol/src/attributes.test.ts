import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { attributesToRecord, recordToAttributes } from "./attributes.ts";
import { type AnyValueSchema, type KeyValue, KeyValueSchema } from "./gen/opamp/v1/anyvalue_pb.ts";
import { isForbiddenKey } from "./json.ts";
import { LIMITS } from "./limits.ts";

type Value = NonNullable<MessageInitShape<typeof AnyValueSchema>["value"]>;

const attribute = (key: string, value?: Value): KeyValue =>
  create(KeyValueSchema, value === undefined ? { key } : { key, value: { value } });

const text = (value: string): Value => ({ case: "stringValue", value });
const array = (...values: Value[]): Value => ({
  case: "arrayValue",
  value: { values: values.map((value) => ({ value })) },
});

const VALUES: [string, Value | undefined, string][] = [
  ["text", text("a\nb"), "a\nb"],
  ["empty text", text(""), ""],
  ["nothing", undefined, ""],
  ["no member set", { case: undefined }, ""],
  ["a boolean", { case: "boolValue", value: false }, "false"],
  ["the largest whole number", { case: "intValue", value: 2n ** 63n - 1n }, "9223372036854775807"],
  ["a number", { case: "doubleValue", value: 0.5 }, "0.5"],
  ["not a number", { case: "doubleValue", value: Number.NaN }, "NaN"],
  ["an infinite number", { case: "doubleValue", value: Number.NEGATIVE_INFINITY }, "-Infinity"],
  ["bytes", { case: "bytesValue", value: Uint8Array.of(0xfb, 0xff) }, "-_8"],
  [
    "a list",
    array(
      text("node"),
      { case: "boolValue", value: true },
      { case: "intValue", value: 1n },
      { case: undefined },
    ),
    '["node",true,"1",null]',
  ],
  ["a list in a list", array(array(), array(text(""))), '[[],[""]]'],
  [
    "pairs",
    {
      case: "kvlistValue",
      value: { values: [{ key: "a", value: { value: text("b") } }, { key: "__proto__" }] },
    },
    '{"a":"b","__proto__":null}',
  ],
];

for (const [name, value, expected] of VALUES) {
  test(`an attribute that is ${name} becomes ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(attributesToRecord([attribute("k", value)]), { k: expected });
  });
}

for (const key of ["__proto__", "constructor", "prototype", ""]) {
  test(`A19: an attribute with the key '${key}' is refused`, () => {
    const list = [attribute(key, text("a"))];
    assert.throws(() => attributesToRecord(list), { code: "opamp.malformed" });
  });
}

test("A30: one key twice is refused, so that no reader takes the other value", () => {
  const list = [attribute("host.name", text("a")), attribute("host.name", text("b"))];
  assert.throws(() => attributesToRecord(list), { code: "opamp.malformed" });
});

test("A27: shell text in an attribute stays the text it is", () => {
  const shell = "$(reboot); `id` && rm -rf / '\\\"";
  assert.deepEqual(attributesToRecord([attribute("host.name", text(shell))]), {
    "host.name": shell,
  });
});

test("256 attributes are read, one more is refused", () => {
  const list = Array.from({ length: LIMITS.attributes.value + 1 }, (_, at) => attribute(`k${at}`));
  assert.equal(Object.keys(attributesToRecord(list.slice(1))).length, LIMITS.attributes.value);
  assert.throws(() => attributesToRecord(list), { code: "opamp.malformed" });
});

test("an attribute of 4,096 bytes is read, one byte more is refused, counted in UTF-8 with its key", () => {
  const longest = "é".repeat(LIMITS.attributeBytes.value / 2 - 1);
  assert.doesNotThrow(() => attributesToRecord([attribute("kk", text(longest))]));
  const over = [attribute("kk", text(`${longest}a`))];
  assert.throws(() => attributesToRecord(over), { code: "opamp.malformed" });
});

test("texts by key become attributes in the order of their keys, and come back", () => {
  const keys = recordToAttributes({ b: "1", a: "2", B: "3" }).map(({ key }) => key);
  assert.deepEqual(keys, ["B", "a", "b"]);
  const key = fc.string({ minLength: 1 }).filter((k) => !isForbiddenKey(k));
  fc.assert(
    fc.property(fc.dictionary(key, fc.string(), { noNullPrototype: true }), (record) => {
      assert.deepEqual(attributesToRecord(recordToAttributes(record)), record);
    }),
  );
});
