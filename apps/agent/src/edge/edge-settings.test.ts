import assert from "node:assert/strict";
import { test } from "node:test";
import { edgeSetting } from "./edge-settings.ts";

const messages = (value: object): string[] => {
  const { error } = edgeSetting.safeParse(value);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
};

test("without a word there is no edge, and what it would keep is bounded in bytes and age", () => {
  assert.deepEqual(edgeSetting.parse({}), {
    open: false,
    maxConnections: 256,
    maxInFlight: 64 * 1024 * 1024,
    plaintext: false,
    store: {
      folder: "edge",
      maxBytes: 64 * 1024 * 1024,
      maxAge: 24 * 3_600_000,
      maxCall: 4 * 1024 * 1024,
      patience: 5_000,
    },
  });
});

for (const listen of ["127.0.0.1:11800", "[::1]:0", "unix:edge.sock", "unix:/run/edge.sock"]) {
  test(`the edge may listen at ${listen}`, () => {
    assert.equal(edgeSetting.parse({ listen }).listen, listen);
  });
}

for (const [value, message] of [
  [{ listen: "localhost:11800" }, /^listen: must be/],
  [{ listen: "0.0.0.0:11800" }, /^listen: is not loopback/],
  [{ listen: "10.0.0.1:1" }, /^listen: is not loopback/],
  [{ listen: "127.0.0.1:1", mode: "0660" }, /^mode: is for Unix/],
  [{ mode: "0660" }, /^mode: is there without/],
  [{ store: { folder: "../elsewhere" } }, /^store\.folder/],
  [{ store: { folder: "a/b" } }, /^store\.folder/],
  [{ store: { folder: ".." } }, /^store\.folder/],
  [{ store: { maxAge: "31d" } }, /^store\.maxAge/],
  [{ store: { maxBytes: -1 } }, /^store\.maxBytes/],
  [{ store: { maxCall: 16 * 1024 * 1024 + 1 } }, /^store\.maxCall/],
  [{ maxConnections: 65_537 }, /^maxConnections/],
  [{ stores: {} }, /Unrecognized key/],
] as const) {
  test(`SWP-1: ${JSON.stringify(value)} is refused by its path`, () => {
    assert.match(messages(value).join("\n"), message);
  });
}

test("another address than loopback is taken where it is said to be meant", () => {
  assert.deepEqual(messages({ listen: "0.0.0.0:11800", open: true }), []);
});
