import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError } from "./error.ts";
import type { LinkEvidence } from "./evidence.ts";
import { compareLevels, LEVELS, type Level } from "./level.ts";
import { higherLevel, isLower, provenLevel, requireClimb } from "./level-climb.ts";

const MAYBE: readonly (Level | undefined)[] = [undefined, ...LEVELS];

test("a level counts as proven by central's certificate or by the shared key, and plaintext never does", () => {
  const plain: LinkEvidence = {
    level: "plaintext",
    protocol: null,
    cipher: null,
    group: null,
    pq: false,
    serverProven: false,
    clientProven: true,
    forwardSecret: false,
    peerId: null,
    peerSerial: null,
    keyId: null,
    since: "2026-01-01T00:00:00.000Z",
  };
  assert.equal(provenLevel(plain), undefined);
  assert.equal(provenLevel({ ...plain, keyId: "legacy" }), undefined);
  assert.equal(provenLevel({ ...plain, level: "basic", keyId: "legacy" }), "basic");
  assert.equal(provenLevel({ ...plain, level: "advanced", keyId: "legacy#2" }), "advanced");
  for (const level of ["tls", "mtls"] as const) {
    assert.equal(provenLevel({ ...plain, level }), undefined);
    assert.equal(provenLevel({ ...plain, level, serverProven: true }), level);
  }
});

test("what was proven only rises", () => {
  for (const before of MAYBE) {
    for (const now of MAYBE) {
      const rises = now !== undefined && (before === undefined || compareLevels(now, before) > 0);
      assert.equal(higherLevel(before, now), rises ? now : undefined);
    }
  }
});

test("A24: an order is a climb, or to the level in use, or refused by both their names", () => {
  for (const level of LEVELS) {
    for (const inUse of LEVELS) {
      if (!isLower(level, inUse)) {
        requireClimb(level, inUse);
        continue;
      }
      assert.throws(
        () => requireClimb(level, inUse),
        (error) =>
          isTautlineError(error) &&
          error.code === "agent.level_lowered" &&
          error.detail["level"] === level &&
          error.detail["proven"] === inUse,
      );
    }
  }
});
