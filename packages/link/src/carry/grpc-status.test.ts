import assert from "node:assert/strict";
import { test } from "node:test";
import { ERROR_CATALOGUE, TautlineError, type ErrorCode } from "@tautline/protocol";
import * as fc from "fast-check";
import { decodeGrpcMessage, encodeGrpcMessage, grpcStatusOf, grpcTrailers } from "./grpc-status.ts";

test("what a program does next follows from the status: retry at 14, give in at 7 and 16, send less at 8", () => {
  const table: readonly (readonly [ErrorCode, number])[] = [
    ["carry.no_upstream", 14],
    ["carry.upstream_lost", 14],
    ["carry.upstream_silent", 14],
    ["carry.stopping", 14],
    ["carry.deadline_exceeded", 4],
    ["carry.deadline_malformed", 3],
    ["carry.message_too_large", 8],
    ["carry.abusive", 8],
    ["carry.backend_denied", 7],
    ["carry.method_refused", 12],
    ["carry.cancelled", 1],
    ["carry.idle", 14],
    ["internal.unexpected", 13],
  ];
  for (const [code, wanted] of table)
    assert.equal(grpcStatusOf(new TautlineError(code)), wanted, code);
});

test("no error of the catalogue travels as OK", () => {
  for (const code of Object.keys(ERROR_CATALOGUE) as ErrorCode[]) {
    const status = grpcStatusOf(new TautlineError(code));
    assert.ok(status > 0 && status <= 16, code);
  }
});

test("grpc-message is printable ASCII without a bare percent sign, says what was meant, and has its bounds", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 100 }), (text) => {
      const encoded = encodeGrpcMessage(text);
      assert.match(encoded, /^(?:[\x20-\x24\x26-\x7e]|%[0-9A-F]{2})*$/);
      assert.equal(decodeGrpcMessage(encoded), text.toWellFormed());
    }),
  );
  assert.equal(encodeGrpcMessage("é".repeat(10_000)).length, 2_046);
  assert.equal(decodeGrpcMessage("50% é"), "50% é");
});

test("trailers name the cause, the remedy and the code, and no cause from underneath", () => {
  const error = new TautlineError("carry.stopping", { cause: new Error("secret") });
  const trailers = grpcTrailers(error);
  assert.equal(trailers["grpc-status"], "14");
  assert.match(trailers["grpc-message"] ?? "", /Call again.*\(carry\.stopping\)$/);
  assert.doesNotMatch(trailers["grpc-message"] ?? "", /secret/);
});
