import assert from "node:assert/strict";
import { test } from "node:test";
import { type AnswerMeaning, meaningOf, refusalText } from "./answer.ts";

const NOTHING = Buffer.alloc(0);
const trailersOnly = (status: string) =>
  ({ status: 200, headers: ["grpc-status", status], body: NOTHING, trailers: undefined }) as const;
const withTrailers = (status: string) =>
  ({
    status: 200,
    headers: ["content-type", "application/grpc"],
    body: Buffer.alloc(5),
    trailers: ["grpc-message", "no", "grpc-status", status],
  }) as const;
const http = (status: number) =>
  ({ status, headers: [], body: NOTHING, trailers: undefined }) as const;

for (const [status, meaning] of [
  ["0", "taken"],
  ["1", "refused"],
  ["2", "refused"],
  ["3", "refused"],
  ["4", "away"],
  ["7", "refused"],
  ["8", "busy"],
  ["10", "busy"],
  ["12", "refused"],
  ["13", "refused"],
  ["14", "away"],
  ["16", "refused"],
  ["", "refused"],
] as const satisfies readonly (readonly [string, AnswerMeaning])[]) {
  test(`SWP-9: a call that ends with gRPC status '${status}' is ${meaning}`, () => {
    assert.equal(meaningOf(withTrailers(status), true), meaning);
    assert.equal(meaningOf(trailersOnly(status), true), meaning);
  });
}

for (const [status, meaning] of [
  [200, "taken"],
  [202, "taken"],
  [302, "refused"],
  [400, "refused"],
  [401, "refused"],
  [403, "refused"],
  [404, "refused"],
  [408, "busy"],
  [413, "refused"],
  [429, "busy"],
  [500, "refused"],
  [502, "away"],
  [503, "away"],
  [504, "away"],
] as const satisfies readonly (readonly [number, AnswerMeaning])[]) {
  test(`SWP-9: a call that ends with HTTP status ${status} is ${meaning}`, () => {
    assert.equal(meaningOf(http(status), false), meaning);
  });
}

test("a call of gRPC that ends without a status did not come to its end", () => {
  assert.equal(meaningOf(http(200), true), "away");
  assert.equal(meaningOf(http(503), true), "away");
  assert.equal(meaningOf(http(404), true), "refused");
});

test("a refusal is told with its status and the backend's own words", () => {
  assert.equal(refusalText(withTrailers("7")), "gRPC status 7, no");
  assert.equal(refusalText(trailersOnly("12")), "gRPC status 12");
  assert.equal(refusalText(http(404)), "HTTP status 404");
});
