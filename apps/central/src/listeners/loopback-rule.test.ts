import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback } from "./loopback-rule.ts";

for (const [address, is] of [
  ["127.0.0.1", true],
  ["127.8.9.1", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["::ffff:192.0.2.1", false],
  ["192.0.2.127", false],
  ["::1:2", false],
  ["unknown", false],
] as const) {
  test(`${address} is ${is ? "" : "not "}this host's loopback`, () => {
    assert.equal(isLoopback(address), is);
  });
}
