import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeCaller } from "./caller-rule.ts";

const loopback = { kind: "tcp", host: "127.0.0.1", port: 11800 } as const;
const unix = { kind: "unix", path: "edge.sock" } as const;
const open = { kind: "tcp", host: "0.0.0.0", port: 11800 } as const;

for (const authority of ["127.0.0.1:11800", "localhost:11800", "[::1]:11800", "127.0.0.2:1"]) {
  test(`a program that calls ${authority} is one of this host`, () => {
    assert.equal(judgeCaller({ authority, headers: {} }, loopback), undefined);
  });
}

for (const authority of ["evil.example", "127.0.0.1.evil.example:11800", "127.0.0.2x:1", ""]) {
  test(`a call for '${authority}' is refused on loopback (DNS rebinding), and is nobody's trick elsewhere`, () => {
    assert.match(judgeCaller({ authority, headers: {} }, loopback) ?? "", /Host/);
    assert.equal(judgeCaller({ authority, headers: {} }, unix), undefined);
    assert.equal(judgeCaller({ authority, headers: {} }, open), undefined);
  });
}

test("a call that a web page makes is refused wherever the edge listens", () => {
  const headers = { origin: "https://evil.example" };
  for (const address of [loopback, unix, open]) {
    assert.match(judgeCaller({ authority: "localhost", headers }, address) ?? "", /Origin/);
  }
});
