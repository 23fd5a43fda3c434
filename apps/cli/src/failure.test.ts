import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError, toProblem } from "@tautline/protocol";
import { describeFailure } from "./failure.ts";

const tokenExpired = new TautlineError("enrolment.token_expired", {
  detail: { expiresAt: "2026-11-22T10:00:00Z" },
});

test("an error of ours is shown by its own code, sentence, remedy and exit code", () => {
  const failure = describeFailure(tokenExpired);
  assert.equal(failure.code, "enrolment.token_expired");
  assert.equal(failure.sentence, tokenExpired.message);
  assert.equal(failure.remedy, tokenExpired.remedy);
  assert.equal(failure.exitCode, 1);
  assert.deepEqual(failure.problem, toProblem(tokenExpired));
});

test("a refusal by central is shown with central's own code and words, not with ours", () => {
  for (const code of ["cli.central_refused", "cli.part_failed"] as const) {
    const failure = describeFailure(new TautlineError(code, { cause: toProblem(tokenExpired) }));
    assert.equal(failure.code, "enrolment.token_expired");
    assert.equal(failure.sentence, tokenExpired.message);
    assert.equal(failure.problem["code"], "enrolment.token_expired");
  }
});

test("a locked vault at central ends the command with 4, as it would end central", () => {
  const problem = toProblem(
    new TautlineError("vault.open_failed", { detail: { source: "x", reason: "y" } }),
  );
  const failure = describeFailure(new TautlineError("cli.part_failed", { cause: problem }));
  assert.equal(failure.exitCode, 4);
});

test("a code from a newer central keeps its words; the exit code is 1", () => {
  const cause = { title: "New", detail: "Something new happened.", code: "new.thing", status: 409 };
  const failure = describeFailure(new TautlineError("cli.central_refused", { cause }));
  assert.equal(failure.code, "cli.central_refused");
  assert.equal(failure.sentence, "Something new happened.");
  assert.equal(failure.exitCode, 1);
});

test("a refusal without a readable document says request and status", () => {
  const detail = { request: "GET /api/v1/agents", status: 502 };
  const failure = describeFailure(new TautlineError("cli.central_refused", { detail, cause: "x" }));
  assert.equal(failure.sentence, "Central refused GET /api/v1/agents with status 502.");
});

test("what nobody foresaw shows what lies underneath, on this terminal and in this log", () => {
  const failure = describeFailure(new Error("boom"));
  assert.equal(failure.code, "internal.unexpected");
  assert.match(failure.cause ?? "", /boom/);
  assert.match(String(failure.problem["underneath"]), /boom/);
  assert.equal(describeFailure(tokenExpired).cause, undefined);
});

test("what a part of ours did not foresee is shown too; what central adds to a refusal is not", () => {
  const { problem } = describeFailure(new Error("boom"));
  const ofPart = describeFailure(new TautlineError("cli.part_failed", { cause: problem }));
  assert.match(ofPart.cause ?? "", /boom/);
  const ofCentral = describeFailure(new TautlineError("cli.central_refused", { cause: problem }));
  assert.equal(ofCentral.cause, undefined);
});
