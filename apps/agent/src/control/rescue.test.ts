import assert from "node:assert/strict";
import { test } from "node:test";
import {
  compareLevels,
  type ErrorCode,
  isLevelRefusal,
  LEVELS,
  ROUNDS_BEFORE_RESCUE,
  TautlineError,
} from "@tautline/protocol";
import { sampleCandidate, sampleCommitted } from "../../test/sample-states.ts";
import { climbsAfter, createRescue } from "./rescue.ts";

const said = (code: string): TautlineError =>
  new TautlineError("link.refused", { detail: { address: "a:1", status: 426, code } });
const broken = new TautlineError("link.broken", { detail: { address: "a:1", reason: "reset" } });
const around = { rounds: 1, failures: [], state: sampleCommitted, configured: ["old.example:1"] };
const [SECURE] = sampleCommitted.identity.addresses;

test("QMP-2: an agent whose level is refused goes up to mtls at once, at the addresses of its join first", () => {
  for (const code of ["admission.level_not_accepted", "policy.level_refused"]) {
    assert.deepEqual(
      climbsAfter({ ...around, level: "plaintext", failures: [broken, said(code)] }),
      [{ level: "mtls", addresses: [SECURE, "old.example:1"] }],
    );
  }
});

test("QMP-2: one that nobody answers waits for eight rounds first, so that a central which restarts finds it as it was", () => {
  const silent = { ...around, level: "basic", failures: [broken] } as const;
  assert.deepEqual(climbsAfter({ ...silent, rounds: ROUNDS_BEFORE_RESCUE - 1 }), []);
  assert.equal(climbsAfter({ ...silent, rounds: ROUNDS_BEFORE_RESCUE })[0]?.level, "mtls");
});

test("a level that central had ordered is tried first, where central said that it hears it", () => {
  const levelMove = { level: "advanced", addresses: ["new.example:2"], epoch: 3, seq: 9n } as const;
  const facts = { ...around, failures: [said("policy.level_refused")] };
  const state = { ...sampleCommitted, levelMove };
  const known = ["new.example:2", SECURE, "old.example:1"];
  assert.deepEqual(climbsAfter({ ...facts, level: "basic", state }), [
    { level: "advanced", addresses: known },
    { level: "mtls", addresses: known },
  ]);
  const toTop = { ...state, levelMove: { ...levelMove, level: "mtls" as const } };
  assert.equal(climbsAfter({ ...facts, level: "basic", state: toTop }).length, 1);
  assert.equal(climbsAfter({ ...facts, level: "basic", state: sampleCandidate }).length, 1);
});

test("A24: whatever is refused, reset or silent, and however often, nothing at or below the level in use is ever tried", () => {
  const failures = ["policy.level_refused", "admission.level_not_accepted"].map(said);
  for (const level of LEVELS) {
    for (const ordered of LEVELS) {
      const levelMove = { level: ordered, addresses: ["a:1"], epoch: 3, seq: 9n };
      const state = { ...sampleCommitted, levelMove };
      const climbs = climbsAfter({ ...around, level, rounds: 1_000, failures, state });
      assert.ok(climbs.every((climb) => compareLevels(climb.level, level) > 0));
      assert.equal(climbs.length > 0, level !== "mtls");
    }
  }
});

test("what is about the agent and not about its level is no reason to climb", () => {
  for (const code of ["admission.agent_revoked", "admission.renew_only", "no code"]) {
    assert.ok(!isLevelRefusal(said(code)), code);
  }
  const codes: ErrorCode[] = ["link.timeout", "link.unreachable", "agent.central_silent"];
  for (const code of codes) assert.ok(!isLevelRefusal(new TautlineError(code)), code);
  assert.ok(isLevelRefusal(new TautlineError("link.level_refused")));
  assert.ok(isLevelRefusal(said("admission.certificate_needed")));
});

test("an answer begins the count anew", () => {
  const { state, configured } = around;
  const rescue = createRescue({ level: () => "tls", state: () => state, configured });
  const rounds = (count: number): number =>
    Array.from({ length: count }, () => rescue.climbsAfter([broken])).flat().length;
  assert.equal(rounds(ROUNDS_BEFORE_RESCUE - 1), 0);
  rescue.answered();
  assert.equal(rounds(ROUNDS_BEFORE_RESCUE - 1), 0);
  assert.equal(rounds(1), 1);
});
