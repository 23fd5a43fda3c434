import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { type CallOutcome, outcomeOf } from "./call-outcome.ts";

const NOTHING = { failure: undefined, place: "oap", grpcStatus: undefined, httpStatus: undefined };
const failed = (code: "receiver.token_unknown" | "carry.silent" | "receiver.backend_changed") =>
  new TautlineError(code, { detail: { timeoutMs: 1, name: "oap" } });
const claim = new TautlineError("receiver.claim_refused", {
  detail: { kind: "service", claimed: "x", backend: "oap", who: "nobody" },
});

const CASES: readonly [string, Parameters<typeof outcomeOf>[0], CallOutcome][] = [
  ["a gRPC call with status 0", { ...NOTHING, grpcStatus: 0, httpStatus: 200 }, "ok"],
  ["one with another", { ...NOTHING, grpcStatus: 5, httpStatus: 200 }, "error"],
  ["HTTP 204", { ...NOTHING, httpStatus: 204 }, "ok"],
  ["HTTP 404", { ...NOTHING, httpStatus: 404 }, "error"],
  [
    "a call that no place was given",
    { ...NOTHING, place: undefined, failure: failed("receiver.token_unknown") },
    "refused",
  ],
  ["a call that went silent", { ...NOTHING, failure: failed("carry.silent") }, "broken"],
  [
    "one whose backend was removed",
    { ...NOTHING, failure: failed("receiver.backend_changed") },
    "broken",
  ],
  ["a claim that a place was not given", { ...NOTHING, failure: claim }, "refused"],
];

for (const [what, record, outcome] of CASES) {
  test(`${what} counts as ${outcome}`, () => {
    assert.equal(outcomeOf(record), outcome);
  });
}
