import assert from "node:assert/strict";
import { test } from "node:test";
import { isForbiddenKey, type JsonLimits, parseJson } from "./json.ts";

const LIMITS: JsonLimits = { maxBytes: 1000, maxDepth: 4 };

const parse = (text: string): unknown => parseJson(text, LIMITS);

const DOCUMENTS = [
  "null",
  "true",
  "0",
  "-0",
  "1.5e-3",
  '"a"',
  '""',
  "[]",
  "{}",
  '[1,"a",{"b":[]}]',
  ' { "a" : [ 1 , 2 ] } ',
  '{"a":{"a":{"a":1}}}',
  '[{"a":1},{"a":1}]',
  '{"a":["a","a"],"b":"a"}',
  '"\\"{[:,\\\\"',
  '{"a\\"b":1,"a":2}',
  '"\\ud83d\\ude00"',
  '{"a":"\\u0061","b":1}',
  "9007199254740991",
  "-9007199254740991",
  "1e308",
  '{"":1}',
  '"__proto__"',
  '{"a":"constructor"}',
  '["prototype"]',
  '{"proto":1,"__proto":2,"constructor_":3}',
];

for (const text of DOCUMENTS) {
  test(`${text} is read as JSON.parse reads it`, () => {
    assert.deepEqual(parse(text), JSON.parse(text));
  });
}

const REFUSED: [string, string, RegExp][] = [
  ["a duplicate key", '{"a":1,"a":2}', /one key twice/],
  ["a duplicate key in an inner object", '[{"b":{"a":1,"a":1}}]', /one key twice/],
  ["a duplicate key behind an inner object", '{"a":{"b":[]},"a":1}', /one key twice/],
  ["a duplicate key behind an escape", '{"a":1,"\\u0061":2}', /one key twice/],
  ["a duplicate empty key", '{"":1,"":2}', /one key twice/],
  ["the key __proto__", '{"__proto__":{"admin":true}}', /key __proto__ is not allowed/],
  ["the key __proto__ behind an escape", '{"\\u005f_proto__":1}', /key __proto__/],
  ["the key constructor", '{"a":[{"constructor":{"prototype":1}}]}', /key constructor/],
  ["the key prototype", '{"prototype":1}', /key prototype/],
  ["half a character in a value", '["\\ud800"]', /lone surrogate/],
  ["half a character in a key", '{"\\uDC00":1}', /lone surrogate/],
  ["half a character as it is", '"\ud800"', /lone surrogate/],
  ["NaN", "[NaN]", /not JSON/],
  ["Infinity", "-Infinity", /not JSON/],
  ["a number beyond a double", "[1e309]", /too large/],
  ["a negative number beyond a double", "-1e400", /too large/],
  ["a whole number that a double would round", '{"a":9007199254740993}', /beyond 2\^53/],
  ["nothing", "", /not JSON/],
  ["two documents", "1 2", /not JSON/],
  ["a comma at the end", "[1,]", /not JSON/],
  ["a key without quotes", "{a:1}", /not JSON/],
  ["single quotes", "{'a':1}", /not JSON/],
  ["a comment", "[1]//", /not JSON/],
  ["an open string", '"a', /not JSON/],
  ["an escape cut off", '"\\', /not JSON/],
  ["an unknown escape", '{"\\x":1}', /not JSON/],
  ["an escape cut off in a value", '["\\u00"]', /not JSON/],
  ["an open array", "[", /not JSON/],
  ["a bracket too many", "[]]", /not JSON/],
  ["brackets crossed", "[{]}", /not JSON/],
  ["a leading zero", "01", /not JSON/],
  ["a byte-order mark", "\ufeff1", /not JSON/],
];

for (const [name, text, reason] of REFUSED) {
  test(`A19: JSON with ${name} is refused`, () => {
    assert.throws(() => parse(text), { code: "value.json", message: reason });
  });
}

test("A19: depth at the limit is read, one deeper is refused, and 100,000 deep neither hangs nor overflows", () => {
  assert.deepEqual(parse('[{"a":[[]]}]'), [{ a: [[]] }]);
  assert.throws(() => parse('[{"a":[[[]]]}]'), /deeper than 4 levels/);
  const limits = { maxBytes: 1_000_000, maxDepth: 32 };
  for (const open of ["[", '{"a":']) {
    assert.throws(() => parseJson(open.repeat(100_000), limits), /deeper than 32 levels/);
  }
});

test("A19: size at the limit is read, one byte more is refused, counted in UTF-8", () => {
  const limits = { maxBytes: 10, maxDepth: 1 };
  assert.equal(parseJson('"12345678"', limits), "12345678");
  assert.throws(() => parseJson('"123456789"', limits), /larger than 10 bytes/);
  assert.equal(parseJson('"éééé"', limits), "éééé");
  assert.throws(() => parseJson('"ééééé"', limits), /larger than 10 bytes/);
});

test("A19: no document changes what other objects inherit", () => {
  assert.throws(() => parse('{"__proto__":{"polluted":true}}'));
  assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
  assert.ok(isForbiddenKey("__proto__") && !isForbiddenKey("proto"));
});
