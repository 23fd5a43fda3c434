import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError, type ErrorCode } from "@tautline/protocol";
import { readJoinAnswer, type JoinAnswer } from "./join-answer.ts";

const waiting = (waitMs: number): JoinAnswer => ({ kind: "pending", waitMs });
const failed: JoinAnswer = { kind: "failed" };
const PENDING = "enrolment.approval_pending";

const TABLE: [code: ErrorCode, detail: Record<string, string | number>, answer: JoinAnswer][] = [
  ["agent.central_unavailable", { code: PENDING, retryAfterSeconds: 30 }, waiting(30_000)],
  ["agent.central_unavailable", { code: PENDING, retryAfterSeconds: 0 }, waiting(1_000)],
  ["agent.central_unavailable", { code: PENDING }, waiting(1_000)],
  ["agent.central_unavailable", { code: "central.unavailable", retryAfterSeconds: 30 }, failed],
  ["agent.refused", { code: "enrolment.declined" }, { kind: "declined" }],
  ["agent.refused", { code: PENDING }, failed],
  ["agent.refused", { code: "enrolment.token_expired" }, failed],
  ["link.refused", { code: "enrolment.declined", status: 403 }, failed],
  ["link.unreachable", {}, failed],
];

for (const [code, detail, answer] of TABLE) {
  const what = answer.kind === "pending" ? `pending, ${answer.waitMs} ms` : answer.kind;
  test(`${code} ${JSON.stringify(detail)} is ${what}`, () => {
    assert.deepEqual(readJoinAnswer(new TautlineError(code, { detail })), answer);
  });
}
