import assert from "node:assert/strict";
import { test } from "node:test";
import { answerHeaders, isPlainPath, requestHeaders, trailersOf } from "./header-rules.ts";

const GRPC = { isGrpc: true, to: "h2" } as const;
const PLAIN = { isGrpc: false, to: "http/1.1" } as const;

test("metadata passes as it came: order, what comes twice, binary; pseudo-headers do not", () => {
  const raw = [
    ":method",
    "POST",
    "x-b",
    "2",
    "x-a-bin",
    "AAH/",
    "x-b",
    "1",
    "content-type",
    "application/grpc",
    "te",
    "trailers",
  ];
  const headers = {
    "x-b": "2, 1",
    "x-a-bin": "AAH/",
    "content-type": "application/grpc",
    te: "trailers",
  };
  assert.deepEqual(requestHeaders(raw, headers, GRPC), [
    "x-b",
    "2",
    "x-a-bin",
    "AAH/",
    "x-b",
    "1",
    "content-type",
    "application/grpc",
    "te",
    "trailers",
  ]);
});

test("what is about one connection stays on it, also what Connection names", () => {
  const raw = [
    "Host",
    "a",
    "Connection",
    "keep-alive, X-Mine",
    "Keep-Alive",
    "5",
    "X-Mine",
    "1",
    "Transfer-Encoding",
    "chunked",
    "Upgrade",
    "h2c",
    "TE",
    "trailers",
    "Expect",
    "100-continue",
    "Proxy-Authorization",
    "secret",
    "X-Yours",
    "2",
  ];
  const headers = { connection: "keep-alive, X-Mine", te: "trailers" };
  assert.deepEqual(requestHeaders(raw, headers, PLAIN), ["x-yours", "2"]);
  assert.deepEqual(
    answerHeaders(["Connection", "x-mine", "X-Mine", "1", "X-Yours", "2", ":status", "200"]),
    ["x-yours", "2"],
  );
});

test("A4: what is set replaces every copy that the caller sent, and what is to be stripped is, by name and by beginning", () => {
  const raw = [
    "x-tautline-agent",
    "spoofed",
    "X-Tautline-Agent",
    "again",
    "x-tautline-level",
    "mtls",
    "authentication",
    "token",
    "x-other",
    "1",
  ];
  const passed = requestHeaders(
    raw,
    { "x-tautline-agent": "spoofed, again" },
    {
      ...PLAIN,
      set: { "x-tautline-agent": "the real one" },
      strip: ["authentication", "x-tautline-*"],
    },
  );
  assert.deepEqual(passed, ["x-other", "1", "x-tautline-agent", "the real one"]);
});

test("of a credential that comes twice only the one that was judged arrives", () => {
  const raw = [
    "authorization",
    "Bearer good",
    "authorization",
    "Bearer other",
    "authentication",
    "a",
    "authentication",
    "b",
  ];
  const headers = { authorization: "Bearer good", authentication: "a, b" };
  assert.deepEqual(requestHeaders(raw, headers, PLAIN), [
    "authorization",
    "Bearer good",
    "authentication",
    "a",
    "authentication",
    "b",
  ]);
});

test("trailers keep what comes twice, and no name reaches the prototype", () => {
  const trailers = trailersOf([
    "grpc-status",
    "9",
    "t-bin",
    "AA",
    "T-Bin",
    "BB",
    "t-bin",
    "CC",
    "__proto__",
    "x",
  ]);
  assert.deepEqual(
    { ...trailers },
    { "grpc-status": "9", "t-bin": ["AA", "BB", "CC"], ["__proto__"]: "x" },
  );
});

test("a path is plain if it means the same to everybody", () => {
  for (const path of ["/", "/a.B/c", "/v1/traces?x=../y", "/a/..b/.c", "/%41"])
    assert.ok(isPlainPath(path), path);
  for (const path of [
    "",
    "*",
    "a",
    "/a/../b",
    "/a/..",
    "/./a",
    "/%2e%2e/a",
    "/.%2E",
    "/a b",
    "/a\\b",
    "/a#b",
    "/a?b c",
    "/é",
    "http://b/a",
  ]) {
    assert.ok(!isPlainPath(path), path);
  }
});
