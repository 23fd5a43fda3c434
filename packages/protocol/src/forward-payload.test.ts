import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isTautlineError, TautlineError } from "./error.ts";
import {
  decodeForwardAnswer,
  decodeForwardEnd,
  decodeForwardReason,
  decodeForwardRequest,
  encodeForwardAnswer,
  encodeForwardEnd,
  encodeForwardReason,
  encodeForwardRequest,
} from "./forward-payload.ts";
import { isForbiddenKey } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { encodeUtf8 } from "./utf8.ts";

const isMalformed = (error: unknown): boolean =>
  isTautlineError(error) && error.code === "forward.malformed";

test("a request is read as it was written, with members that this version does not know", () => {
  const request = { forward: "db-primary-1", from: { address: "10.0.0.1", port: 1 } };
  assert.deepEqual(decodeForwardRequest(encodeForwardRequest(request)), request);
});

for (const name of ["", "-a", "a-", "A", "a b", "../a", "a".repeat(64), "a.b", "a_b", "ä"]) {
  test(`'${name}' names no forward, neither written nor read`, () => {
    assert.throws(() => encodeForwardRequest({ forward: name }), isMalformed);
    const payload = encodeUtf8(JSON.stringify({ forward: name }));
    assert.throws(() => decodeForwardRequest(payload), isMalformed);
  });
}

for (const text of [
  "",
  "null",
  "[]",
  '"a"',
  "{}",
  '{"forward":1}',
  '{"forward":"a","forward":"b"}',
  "{",
]) {
  test(`an open of ${text} is malformed`, () => {
    assert.throws(() => decodeForwardRequest(encodeUtf8(text)), isMalformed);
  });
}

test("an answer is written and read as it is, and one that is too long is not written", () => {
  assert.deepEqual(decodeForwardAnswer(encodeForwardAnswer({})), {});
  assert.deepEqual(decodeForwardAnswer(encodeForwardAnswer({ target: "a:1" })), { target: "a:1" });
  const limit = LIMITS.forwardControlBytes.value;
  assert.throws(() => encodeForwardAnswer({ a: "b".repeat(limit) }), isMalformed);
});

test("a reason carries code, sentence and remedy, and never the cause", () => {
  const error = new TautlineError("forward.idle", {
    detail: { timeoutMs: 5 },
    cause: new Error("secret"),
  });
  const payload = encodeForwardReason(error);
  assert.doesNotMatch(Buffer.from(payload).toString(), /secret/);
  const { code, detail, remedy } = decodeForwardReason(payload);
  assert.deepEqual([code, detail, remedy], [error.code, error.message, error.remedy]);
});

for (const character of ["a", '"', "\\", "😀", "\u0000", "\u2028"]) {
  test(`a reason of endless ${JSON.stringify(character)} fits into its frame`, () => {
    const text = character.repeat(5_000);
    const detail = { address: text, text, code: text, remedy: text };
    const payload = encodeForwardReason(new TautlineError("forward.reset", { detail }));
    assert.ok(payload.length <= LIMITS.forwardControlBytes.value);
    assert.equal(decodeForwardReason(payload).code, "forward.reset");
  });
}

test("a reason without a text is malformed", () => {
  assert.throws(() => decodeForwardReason(encodeUtf8('{"code":"forward.idle"}')), isMalformed);
});

test("a count is read as it was written, and one beyond 2^53 is reached by no count", () => {
  const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(count, (bytes) => {
      assert.equal(decodeForwardEnd(encodeForwardEnd(bytes)), bytes);
    }),
  );
  assert.equal(decodeForwardEnd(new Uint8Array(8).fill(255)), Number.POSITIVE_INFINITY);
});

const safeKey = fc.string().filter((key) => !isForbiddenKey(key));

test("any bytes are a request, an answer and a reason, or forward.malformed", () => {
  const document = fc
    .dictionary(safeKey, fc.jsonValue(), { maxKeys: 4 })
    .map((value) => encodeUtf8(JSON.stringify(value).toWellFormed()));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), document), (bytes) => {
      for (const decode of [decodeForwardRequest, decodeForwardAnswer, decodeForwardReason]) {
        try {
          decode(bytes);
        } catch (error) {
          assert.ok(isMalformed(error), String(error));
        }
      }
    }),
    { numRuns: 500 },
  );
});
