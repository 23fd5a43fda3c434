import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError, type ErrorCode } from "@tautline/protocol";
import { isRefusal, retryWait, saysExpired } from "./renewal-retry.ts";

const DAY_MS = 86_400_000;
const middle = (): number => 0.5;

const WAITS: [tries: number, leftMs: number, waitMs: number][] = [
  [1, DAY_MS, 1_000],
  [2, DAY_MS, 2_000],
  [5, DAY_MS, 16_000],
  [60, DAY_MS, 900_000],
  [60, 3_600_000, 180_000],
  [60, 10_000, 1_000],
  [1, 100, 1_000],
  [60, 0, 900_000],
  [1, -DAY_MS, 1_000],
];
for (const [tries, leftMs, waitMs] of WAITS) {
  test(`try ${tries} with ${leftMs} ms left is followed by a wait of ${waitMs} ms`, () => {
    assert.equal(retryWait({ tries, leftMs }, middle), waitMs);
  });
}

test("chance spreads every wait from half to one and a half, the longest too", () => {
  const facts = { tries: 60, leftMs: DAY_MS };
  assert.equal(
    retryWait(facts, () => 0),
    450_000,
  );
  assert.ok(retryWait(facts, () => 0.999) > 1_340_000);
});

const ERRORS: [code: ErrorCode, detail: Record<string, string | number>, refusal: boolean][] = [
  ["agent.refused", { code: "admission.certificate_unknown" }, true],
  ["link.refused", { status: 403 }, true],
  ["link.refused", { status: 429 }, false],
  ["link.refused", { status: 503 }, false],
  ["agent.central_unavailable", {}, false],
  ["agent.central_silent", {}, false],
  ["link.unreachable", {}, false],
  ["link.central_unproven", {}, false],
];
for (const [code, detail, refusal] of ERRORS) {
  test(`${code} ${JSON.stringify(detail)} ${refusal ? "ends" : "does not end"} a granted identity`, () => {
    assert.equal(isRefusal(new TautlineError(code, { detail })), refusal);
  });
}

const said = (code: string): boolean =>
  saysExpired(new TautlineError("agent.refused", { detail: { code } }));

test("only central's word about the certificate's end counts as expired", () => {
  assert.deepEqual(
    ["admission.renew_only", "admission.certificate_expired", "admission.agent_revoked"].map(said),
    [true, true, false],
  );
});
