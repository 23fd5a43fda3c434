import assert from "node:assert/strict";
import { test } from "node:test";
import { LATEST_RENEWAL_SHARE, planRenewal } from "@tautline/protocol";
import { createSeededRandom } from "@tautline/testing";

const AGENTS = 1_000;
const SLOTS = 20;
const LIVES_MS = [20_000, 3_600_000, 86_400_000, 90 * 86_400_000];
const START_MS = Date.UTC(2026, 0, 1);

for (const lifeMs of LIVES_MS) {
  for (const seed of ["herd 1", "herd 2", "herd 3"]) {
    test(`F10: ${AGENTS} identities of ${lifeMs} ms granted in one second are renewed at no more than three times the mean rate (seed '${seed}')`, () => {
      const { float } = createSeededRandom(seed);
      const life = { grantedMs: START_MS, endsMs: START_MS + lifeMs };
      const shares = Array.from(
        { length: AGENTS },
        () => (planRenewal(life, float) - START_MS) / lifeMs,
      );
      const [first, last] = [Math.min(...shares), Math.max(...shares)];
      assert.ok(first >= 0.4 && last <= LATEST_RENEWAL_SHARE);
      // The herd is spread over a tenth of the life, not over a moment of it.
      assert.ok(last - first > 0.09);
      const slots = Array.from({ length: SLOTS }, () => 0);
      for (const share of shares) {
        const slot = Math.min(SLOTS - 1, Math.floor(((share - first) / (last - first)) * SLOTS));
        slots[slot] = (slots[slot] ?? 0) + 1;
      }
      const mean = AGENTS / SLOTS;
      assert.ok(Math.max(...slots) <= 3 * mean, `peak ${Math.max(...slots)}, mean ${mean}`);
    });
  }
}
