import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError, type ErrorCode } from "@tautline/protocol";
import { nameBackendStatus, nameCallerFailure, nameUpstreamFailure } from "./carry-failure.ts";

const at = { place: "oap", protocol: "h2" } as const;

function failure(code: string, more: object = {}): Error {
  return Object.assign(new Error(code), { code, ...more });
}

test("SWP-5: what Node, nghttp2 and OpenSSL say of a backend becomes a cause in words", () => {
  const table: readonly (readonly [unknown, ErrorCode, RegExp])[] = [
    [failure("ECONNRESET"), "carry.upstream_lost", /it was reset/],
    [failure("ECONNREFUSED"), "carry.upstream_lost", /nothing listens there/],
    [failure("ERR_HTTP2_GOAWAY_SESSION"), "carry.upstream_lost", /takes no more calls/],
    [failure("HPE_INVALID_CONSTANT"), "carry.upstream_malformed", /not HTTP\/1\.1/],
    [failure("ERR_HTTP2_ERROR"), "carry.upstream_malformed", /not HTTP\/2/],
    [
      new Error("Stream closed with error code NGHTTP2_COMPRESSION_ERROR"),
      "carry.upstream_malformed",
      /headers cannot be read/,
    ],
    [failure("SOMETHING_NEW"), "carry.upstream_lost", /SOMETHING_NEW/],
    [undefined, "carry.upstream_lost", /it was closed/],
  ];
  for (const [error, code, text] of table) {
    const named = nameUpstreamFailure(error, at);
    assert.equal(named.code, code);
    assert.match(named.message, text);
    assert.match(named.message, /oap/);
  }
  const ours = new TautlineError("carry.stopping");
  assert.equal(nameUpstreamFailure(ours, at), ours);
});

test("SWP-5: what a backend answers says what to do, and what is between it and its program says nothing here", () => {
  const table: readonly (readonly [number, ErrorCode | undefined])[] = [
    [0, undefined],
    [5, undefined],
    [7, "carry.backend_denied"],
    [8, "carry.backend_overloaded"],
    [12, "carry.backend_lacks_service"],
    [13, "carry.backend_failed"],
    [14, "carry.backend_failed"],
    [16, "carry.backend_denied"],
    [99, undefined],
  ];
  for (const [status, code] of table) {
    assert.equal(nameBackendStatus({ status, message: "why%20not" }, "oap")?.code, code);
  }
  assert.match(
    nameBackendStatus({ status: 8, message: "why%20not" }, "oap")?.message ?? "",
    /why not$/,
  );
  // SW-13: a backend of SkyWalking refuses a token without a word.
  assert.match(
    nameBackendStatus({ status: 7, message: "" }, "oap")?.message ?? "",
    /gave no reason/,
  );
});

test("why a caller's connection ended is told from what it did", () => {
  const table: readonly (readonly [unknown, ErrorCode])[] = [
    [failure("ERR_HTTP2_ERROR", { errno: -904 }), "carry.abusive"],
    [failure("ERR_HTTP2_ERROR", { errno: -505 }), "carry.not_http"],
    [failure("ECONNRESET"), "carry.caller_lost"],
    [failure("HPE_INVALID_METHOD"), "carry.not_http"],
    [new TautlineError("carry.idle", { detail: { timeoutMs: 1 } }), "carry.idle"],
  ];
  for (const [error, code] of table) assert.equal(nameCallerFailure(error).code, code);
});
