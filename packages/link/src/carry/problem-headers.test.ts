import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { problemHeaders } from "./problem-headers.ts";

const head = ["content-type", "application/problem+json", "content-length", "9"];

test("SWP-9: what may be tried again says when, and what may not says nothing of it", () => {
  const lost = new TautlineError("carry.no_upstream", { detail: { place: "a", reason: "b" } });
  assert.deepEqual(problemHeaders(lost, 9), [...head, "retry-after", "5"]);
  const known = new TautlineError("carry.no_upstream", { detail: { retryAfterSeconds: 30 } });
  assert.deepEqual(problemHeaders(known, 9), [...head, "retry-after", "30"]);
  assert.deepEqual(problemHeaders(new TautlineError("carry.wants_http2"), 9), head);
});
