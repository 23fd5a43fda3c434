import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { readDirectRules } from "./no-proxy.ts";

test("each form of rule matches what it says, and nothing beside it", () => {
  const table: [rule: string, host: string, port: number, isDirect: boolean][] = [
    ["*", "anything.example", 1, true],
    ["*", "2001:db8::1", 1, true],
    ["example.org", "example.org", 1, true],
    ["example.org", "a.example.org", 1, true],
    ["example.org", "EXAMPLE.org.", 1, true],
    ["example.org", "badexample.org", 1, false],
    ["Example.ORG", "a.example.org", 1, true],
    [".example.org", "a.b.example.org", 1, true],
    [".example.org", "example.org", 1, false],
    ["*.example.org", "a.example.org", 1, true],
    ["*.example.org", "example.org", 1, false],
    ["example.org:9150", "example.org", 9150, true],
    ["example.org:9150", "example.org", 443, false],
    ["192.0.2.1", "192.0.2.1", 1, true],
    ["192.0.2.1", "192.0.2.10", 1, false],
    ["192.0.2.1:9150", "192.0.2.1", 9150, true],
    ["192.0.2.1:9150", "192.0.2.1", 9151, false],
    ["192.0.2.0/24", "192.0.2.255", 1, true],
    ["192.0.2.0/24", "192.0.3.0", 1, false],
    ["192.0.2.0/24", "a.example.org", 1, false],
    ["2001:db8::/32", "2001:db8:1::1", 1, true],
    ["2001:db8::/32", "2001:db9::1", 1, false],
    ["2001:db8::1", "2001:db8:0::1", 1, true],
    ["[2001:db8::1]", "2001:db8::1", 5, true],
    ["[2001:db8::1]:9150", "2001:db8::1", 9150, true],
    ["[2001:db8::1]:9150", "2001:db8::1", 9151, false],
    ["localhost", "localhost", 1, true],
    ["localhost", "127.0.0.1", 1, false],
  ];
  for (const [rule, host, port, isDirect] of table) {
    const { matches, unreadable } = readDirectRules([` ${rule} `, ""]);
    assert.deepEqual(unreadable, [], rule);
    assert.equal(matches({ host, port }), isDirect, `${rule} for ${host}:${port}`);
  }
});

test("what is no rule is told, matches nothing, and does not spoil its neighbours", () => {
  const bad = [
    "192.0.2.0/33",
    "2001:db8::/129",
    "1.2.3",
    "[example.org]",
    "a b",
    "host:0",
    "host:65536",
    "http://host",
    "a*b.example",
    "..",
    "[::1",
  ];
  const { matches, unreadable } = readDirectRules([...bad, "good.example"]);
  assert.deepEqual(unreadable, bad);
  assert.equal(matches({ host: "good.example", port: 1 }), true);
  assert.equal(matches({ host: "host", port: 1 }), false);
});

test("no text makes the rules fail, or match by accident: an entry is a rule or is told", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 60 })),
      fc.string({ maxLength: 60 }),
      (rules, host) => {
        const { matches, unreadable } = readDirectRules(rules);
        if (unreadable.length === rules.filter((text) => text.trim() !== "").length) {
          assert.equal(matches({ host, port: 9150 }), false);
        } else {
          assert.equal(typeof matches({ host, port: 9150 }), "boolean");
        }
      },
    ),
  );
});
