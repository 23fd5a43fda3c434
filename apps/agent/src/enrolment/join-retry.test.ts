import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError, type ErrorCode } from "@tautline/protocol";
import { shouldRetryJoin } from "./join-retry.ts";

const TABLE: [code: ErrorCode, detail: Record<string, string | number>, retries: boolean][] = [
  ["link.unreachable", {}, true],
  ["link.timeout", {}, true],
  ["link.broken", {}, true],
  ["agent.central_silent", {}, true],
  ["agent.central_unavailable", {}, true],
  ["link.refused", { status: 503 }, true],
  ["link.refused", { status: 429 }, true],
  ["link.refused", { status: 401 }, false],
  ["link.refused", { status: 403 }, false],
  ["agent.refused", {}, false],
  ["agent.token_for_another_central", {}, false],
  ["agent.grant_refused", {}, false],
  ["link.central_unproven", {}, false],
  ["internal.unexpected", {}, false],
];

for (const [code, detail, retries] of TABLE) {
  const status = detail["status"] === undefined ? "" : ` with status ${detail["status"]}`;
  test(`${code}${status} is ${retries ? "tried again" : "final"}`, () => {
    assert.equal(shouldRetryJoin(new TautlineError(code, { detail })), retries);
  });
}
