import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { create } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { toHex } from "./bytes.ts";
import { canonicalConfigMap } from "./config-map.ts";
import { type AgentConfigMap, AgentConfigMapSchema } from "./gen/opamp/v1/opamp_pb.ts";
import { LIMITS } from "./limits.ts";
import { encodeUtf8 } from "./utf8.ts";

type Files = Record<string, [contentType: string, body: string]>;

function mapOf(files: Files): AgentConfigMap {
  const entries = Object.entries(files).map(([name, [contentType, body]]) => [
    name,
    { contentType, body: encodeUtf8(body) },
  ]);

  return create(AgentConfigMapSchema, { configMap: Object.fromEntries(entries) });
}

const canonical = (files: Files): string => toHex(canonicalConfigMap(mapOf(files)));

test("the layout is label, count, then name, content type and body of each file, with lengths before", () => {
  const label = `00000016${toHex(encodeUtf8("tautline/config-map/v1"))}`;
  assert.equal(canonical({}), `${label}00000000`);
  assert.equal(
    canonical({ b: ["t", "x"], a: ["", "yz"] }),
    [label, "00000002", "0000000161", "00000000", "00000002797a"]
      .concat("0000000162", "0000000174", "0000000178")
      .join(""),
  );
});

test("the digest of the agent settings file is fixed: both ends of every version must agree on it", () => {
  const file = mapOf({ "tautline.json": ["application/json", '{"heartbeatSeconds":10}'] });
  assert.equal(
    createHash("sha256").update(canonicalConfigMap(file)).digest("hex"),
    "af35e4ca8c48bb8f1166284928f58a8556c697c5ef248e20a7dfc7a5de4d42c8",
  );
});

test("files are ordered by the bytes of their names, not by code units", () => {
  // U+FF5E sorts after U+1F600 by code units and before it by bytes.
  const files: Files = { "\u{1f600}": ["", "1"], "\uff5e": ["", "2"], ab: ["", "3"], a: ["", "4"] };
  const order = ["a", "ab", "\uff5e", "\u{1f600}"].map((name) => toHex(encodeUtf8(name)));
  const bytes = canonical(files);
  const places = order.map((name) => bytes.indexOf(`0000000${name.length / 2}${name}`));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
  assert.ok(!places.includes(-1));
});

test("64 files are taken, one more is refused", () => {
  const names = Array.from({ length: LIMITS.configFiles.value + 1 }, (_, at) => `f${at}`);
  const files = Object.fromEntries(names.map((name) => [name, ["", ""] as [string, string]]));
  assert.throws(() => canonical(files), { code: "opamp.malformed" });
  delete files["f0"];
  assert.doesNotThrow(() => canonical(files));
});

test("names and types that are no text are refused", () => {
  assert.throws(() => canonical({ "\ud800": ["", ""] }), { code: "opamp.malformed" });
  assert.throws(() => canonical({ a: ["\udc00", ""] }), { code: "opamp.malformed" });
});

const anyFiles = fc.dictionary(
  fc.string({ unit: "grapheme", maxLength: 3 }),
  fc.tuple(fc.string({ maxLength: 2 }), fc.string({ maxLength: 3 })),
  { maxKeys: 4, noNullPrototype: true },
);

test("the order in which a map was filled does not matter; anything else does", () => {
  fc.assert(
    fc.property(anyFiles, anyFiles, (a, b) => {
      const backwards = Object.fromEntries(Object.entries(a).toReversed());
      assert.equal(canonical(backwards), canonical(a));
      assert.equal(canonical(a) === canonical(b), isDeepStrictEqual(a, b));
    }),
  );
});
