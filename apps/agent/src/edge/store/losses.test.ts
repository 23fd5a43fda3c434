import assert from "node:assert/strict";
import { test } from "node:test";
import { clientOf, createLosses } from "./losses.ts";

test("SWP-9: losses are counted by client and reason, and go on from what was counted before", () => {
  const losses = createLosses([{ client: "a", reason: "age", calls: 2 }]);
  losses.add("a", "age");
  losses.add("a", "full", 3);
  losses.add("b", "damage");
  assert.deepEqual(losses.list, [
    { client: "a", reason: "age", calls: 3 },
    { client: "a", reason: "full", calls: 3 },
    { client: "b", reason: "damage", calls: 1 },
  ]);
});

test("64 clients are told apart, and the 65th is one of the others", () => {
  const losses = createLosses();
  for (let number = 1; number <= 66; number += 1) losses.add(`client ${number}`, "full");
  losses.add("client 1", "full");
  assert.equal(losses.list.length, 65);
  assert.deepEqual(losses.list[0], { client: "client 1", reason: "full", calls: 2 });
  assert.deepEqual(losses.list[64], { client: "others", reason: "full", calls: 2 });
});

test("a client is named as it names itself, in one short printable line", () => {
  assert.equal(clientOf("grpc-node-js/1.14.7"), "grpc-node-js/1.14.7");
  assert.equal(clientOf(undefined), "unknown");
  assert.equal(clientOf("   "), "unknown");
  assert.doesNotMatch(clientOf("a\u001b[31m\nb"), /\p{Cc}/u);
  assert.ok(clientOf("x".repeat(1000)).length <= 80);
});
