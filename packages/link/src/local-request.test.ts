import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { judgeLocalRequest } from "./local-request.ts";

for (const host of [
  "localhost",
  "LOCALHOST:8787",
  "127.0.0.1",
  "127.0.0.1:8787",
  "[::1]:1",
  "[::1]",
]) {
  test(`a request for ${host} is this host's own`, () => {
    assert.equal(judgeLocalRequest({ host }), undefined);
  });
  test(`a request for ${host} of a web page is refused`, () => {
    assert.match(judgeLocalRequest({ host, origin: "null" }) ?? "", /Origin/);
  });
}

for (const host of [
  "evil.example",
  "localhost.evil.example",
  "evil.example:8787",
  "127.0.0.1.evil.example",
  "127.0.0.1:8787.evil.example",
  "127.0.0.1 evil.example",
  "127.0.0.1:8787\n",
  "::1",
  "[::2]",
  "",
]) {
  test(`QM-13: a request for ${JSON.stringify(host)} is refused`, () => {
    assert.match(judgeLocalRequest({ host }) ?? "", /names another host/);
  });
}

test("a request that names no host is refused", () => {
  assert.match(judgeLocalRequest({}) ?? "", /no header Host/);
});

test("whatever Host says, it is one of three names with or without a port, or refused", () => {
  fc.assert(
    fc.property(fc.string(), (host) => {
      const name = host.replace(/:\d+$/, "").toLowerCase();
      if (judgeLocalRequest({ host }) !== undefined) return;
      assert.ok(["localhost", "127.0.0.1", "[::1]"].includes(name));
    }),
  );
});
