import assert from "node:assert/strict";
import { test } from "node:test";
import { type KeptStatus, statusText } from "./status-text.ts";

const STATUS: KeptStatus = {
  attributes: { b: "2", a: "1" },
  health: { healthy: true, status: "", lastError: "" },
  config: { hash: null, status: "unset", error: "" },
};

test("a status has one text, whatever the order of its attributes", () => {
  assert.equal(statusText(STATUS), '[[["a","1"],["b","2"]],[true,"",""],[null,"unset",""]]');
  assert.equal(statusText({ ...STATUS, attributes: { a: "1", b: "2" } }), statusText(STATUS));
});

const others: readonly Partial<KeptStatus>[] = [
  { attributes: { a: "1" } },
  { attributes: { a: "1", b: "3" } },
  { attributes: { a: '1"],["b","2', c: "" } },
  { health: null },
  { health: { healthy: false, status: "", lastError: "" } },
  { health: { healthy: true, status: "", lastError: "disk" } },
  { config: { hash: "ab", status: "unset", error: "" } },
  { config: { hash: null, status: "failed", error: "" } },
  { config: { hash: null, status: "unset", error: "x" } },
];

test("every difference shows in the text", () => {
  const texts = others.map((other) => statusText({ ...STATUS, ...other }));
  assert.equal(new Set([...texts, statusText(STATUS)]).size, others.length + 1);
});
